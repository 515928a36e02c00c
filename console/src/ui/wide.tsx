import { type ReactNode, useSyncExternalStore } from 'react'

/** From this width on a table has all its columns. The same as the variant `md`. */
const WIDE = window.matchMedia('(min-width: 48rem)')

function subscribe(change: () => void) {
  WIDE.addEventListener('change', change)
  return () => WIDE.removeEventListener('change', change)
}

/** Whether the screen is wide. */
export function useWide(): boolean {
  return useSyncExternalStore(subscribe, () => WIDE.matches)
}

/** What stands below a cell's value on a narrow screen, instead of in a column of its own. */
export function Narrow({
  className,
  children,
}: {
  className?: string
  children: ReactNode
}) {
  return useWide() ? null : <div className={className}>{children}</div>
}
