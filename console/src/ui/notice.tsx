import type { ReactNode } from 'react'
import { Icon } from './icon'

/** What somebody should know before reading the rest of a screen. */
export function Notice({ title, children }: { title: ReactNode; children: ReactNode }) {
  return (
    <div
      role="status"
      className="flex gap-2 rounded-md border border-warn/40 bg-warn-soft px-3 py-2.5 wrap-anywhere"
    >
      <Icon name="warning" className="mt-0.5 text-warn" />
      <div className="flex min-w-0 flex-col gap-1">
        <p className="font-medium">{title}</p>
        <div className="flex max-w-3xl flex-col gap-1 text-sm">{children}</div>
      </div>
    </div>
  )
}
