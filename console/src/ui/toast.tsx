import { useEffect, useRef, useSyncExternalStore } from 'react'
import { IconButton } from './button'
import { cx } from './cx'
import { Icon } from './icon'

interface Toast {
  id: number
  text: string
  color: 'good' | 'bad'
}

let toasts: readonly Toast[] = []
let last = 0
const listeners = new Set<() => void>()

function change(next: readonly Toast[]) {
  toasts = next
  for (const listener of listeners) listener()
}

/** Says briefly that something was done, or could not be done. */
export function toast(text: string, color: Toast['color'] = 'good') {
  last += 1
  const id = last
  change([...toasts.slice(-2), { id, text, color }])
  setTimeout(() => dismiss(id), color === 'bad' ? 12_000 : 5_000)
}

function dismiss(id: number) {
  change(toasts.filter((one) => one.id !== id))
}

/** The place of all toasts, above everything else. */
export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => toasts,
  )
  const place = useRef<HTMLDivElement>(null)
  // Within the top layer, so that an open dialog does not cover it.
  useEffect(() => {
    const element = place.current
    if (!element?.showPopover) return
    if (element.matches(':popover-open')) element.hidePopover()
    if (shown.length > 0) element.showPopover()
  }, [shown])
  return (
    <div
      ref={place}
      popover="manual"
      role="status"
      aria-live="polite"
      className="fixed inset-auto right-4 bottom-4 m-0 flex-col gap-2 overflow-visible bg-transparent p-0 text-fg open:flex max-sm:left-4"
    >
      {shown.map((one) => (
        <div
          key={one.id}
          className={cx(
            'flex max-w-96 items-start gap-2 rounded-md border bg-raised py-2 pr-1 pl-3 shadow-lg shadow-(color:--shadow)',
            one.color === 'bad' ? 'border-bad' : 'border-line-strong',
          )}
        >
          <Icon
            name={one.color === 'bad' ? 'warning' : 'check'}
            className={cx('mt-1.5', one.color === 'bad' ? 'text-bad' : 'text-good')}
          />
          <p className="grow py-1 wrap-anywhere">{one.text}</p>
          <IconButton
            small
            icon="close"
            label="Dismiss"
            onClick={() => dismiss(one.id)}
          />
        </div>
      ))}
    </div>
  )
}
