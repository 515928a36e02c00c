import { useSyncExternalStore } from 'react'

export type Theme = 'light' | 'dark' | 'system'

const KEY = 'patron.theme'
const dark = globalThis.matchMedia?.('(prefers-color-scheme: dark)')
const listeners = new Set<() => void>()

function chosen(): Theme {
  const stored = document.documentElement.dataset.theme
  return stored === 'light' || stored === 'dark' ? stored : 'system'
}

function tell() {
  for (const listener of listeners) listener()
}

/** Applies the theme that was chosen before, in this browser. */
export function applyStoredTheme() {
  let stored: string | null = null
  try {
    stored = localStorage.getItem(KEY)
  } catch {
    // Without storage the theme is the system's.
  }
  document.documentElement.dataset.theme = stored ?? 'system'
  dark?.addEventListener('change', tell)
}

export function setTheme(theme: Theme) {
  document.documentElement.dataset.theme = theme
  try {
    localStorage.setItem(KEY, theme)
  } catch {
    // It lasts until the page is left.
  }
  tell()
}

/** The chosen theme, and the one that is shown. */
export function useTheme(): { theme: Theme; shown: 'light' | 'dark' } {
  const state = useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => {
      const theme = chosen()
      const shown = theme === 'system' ? (dark?.matches ? 'dark' : 'light') : theme
      return `${theme} ${shown}`
    },
  )
  const [theme, shown] = state.split(' ') as [Theme, 'light' | 'dark']
  return { theme, shown }
}
