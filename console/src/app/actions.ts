/** Actions that the open screen offers in the command palette. */
import { useEffect, useRef, useSyncExternalStore } from 'react'
import type { IconName } from '@/ui/icon'

export interface ScreenAction {
  id: string
  label: string
  icon?: IconName
  run: () => void
}

let registered: readonly (readonly ScreenAction[])[] = []
const listeners = new Set<() => void>()

function change(next: typeof registered) {
  registered = next
  for (const listener of listeners) listener()
}

/** Offers actions in the palette for as long as the component is shown. */
export function useScreenActions(actions: readonly ScreenAction[]) {
  const latest = useRef(actions)
  latest.current = actions
  const shape = actions.map((action) => `${action.id} ${action.label}`).join('\n')
  useEffect(() => {
    const stable = latest.current.map((action) => ({
      ...action,
      run: () => latest.current.find((other) => other.id === action.id)?.run(),
    }))
    change([...registered, stable])
    return () => change(registered.filter((other) => other !== stable))
  }, [shape])
}

export function useRegisteredActions(): readonly ScreenAction[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => registered,
  ).flat()
}
