import type { ReactNode } from 'react'
import { cx } from './cx'

export function StatTiles({ children }: { children: ReactNode }) {
  return (
    <div className="grid grid-cols-2 gap-3 sm:grid-cols-[repeat(auto-fit,minmax(9.5rem,1fr))]">
      {children}
    </div>
  )
}

/** One figure with its name. */
export function StatTile({
  label,
  value,
  detail,
  color = 'fg',
}: {
  label: ReactNode
  value: ReactNode
  detail?: ReactNode
  color?: 'fg' | 'good' | 'warn' | 'bad'
}) {
  const colors = { fg: 'text-fg', good: 'text-good', warn: 'text-warn', bad: 'text-bad' }
  return (
    <div className="flex min-w-0 flex-col gap-0.5 rounded-lg border border-line bg-surface px-4 py-3">
      <div className="text-sm text-muted">{label}</div>
      <div
        className={cx(
          'text-xl font-semibold wrap-anywhere sm:text-2xl [&_time]:whitespace-normal',
          colors[color],
        )}
      >
        {value}
      </div>
      {detail && <div className="text-sm text-muted">{detail}</div>}
    </div>
  )
}

/** A share as a bar. Its parts are drawn one after the other. */
export function ProgressBar({
  label,
  parts,
  total,
}: {
  label: string
  parts: { value: number; color: 'good' | 'accent' | 'warn' | 'bad' }[]
  total: number
}) {
  const colors = { good: 'bg-good', accent: 'bg-accent', warn: 'bg-warn', bad: 'bg-bad' }
  const done = parts.reduce((sum, part) => sum + part.value, 0)
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={total}
      aria-valuenow={done}
      className="flex h-2 w-full overflow-hidden rounded-full bg-line"
    >
      {parts.map((part, index) => (
        <span
          key={index}
          className={colors[part.color]}
          style={{ width: `${total ? (part.value / total) * 100 : 0}%` }}
        />
      ))}
    </div>
  )
}
