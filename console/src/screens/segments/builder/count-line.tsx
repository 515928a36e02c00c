import type { ReactNode } from 'react'
import { count, number, percent } from '@/format'
import { Spinner } from '@/ui/button'
import { Problem } from '@/ui/problem'
import { ProgressBar } from '@/ui/stat'
import { Time } from '@/ui/time'
import type { LivePreview } from './preview'

/** How many customers match, now or at the instant in question. */
export function CountLine({
  live,
  asOf,
  actions,
}: {
  live: LivePreview
  asOf: string | null
  actions?: ReactNode
}) {
  const { preview, error, errors } = live
  const isFault = errors.byPointer.size > 0 || errors.ofText.length > 0
  return (
    <div className="flex flex-col gap-2 rounded-lg border border-line bg-surface px-4 py-3">
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
        <div role="status" aria-label="Matching customers" className="min-w-0">
          <Total live={live} isFault={isFault} />
          {preview && !isFault && asOf && (
            <span className="text-muted">
              {' '}
              as of <Time at={preview.as_of} />
            </span>
          )}
        </div>
        {actions}
      </div>
      {error && !isFault ? <Problem error={error} onRetry={live.retry} /> : null}
      {preview && !isFault && (
        <ProgressBar
          label="Share of all customers"
          parts={[{ value: preview.count, color: 'accent' }]}
          total={preview.total_customers}
        />
      )}
      {preview && preview.undetermined > 0 && (
        <p className="text-sm text-warn">
          {count(preview.undetermined, 'customer')} with an event in quarantine
        </p>
      )}
    </div>
  )
}

function Total({ live, isFault }: { live: LivePreview; isFault: boolean }) {
  const { preview, isStale, hasRules, isUnfinished } = live
  if (isUnfinished) {
    return <span className="text-muted">Fill in every value to see who matches.</span>
  }
  if (!hasRules)
    return <span className="text-muted">Write a rule to see who matches.</span>
  if (isFault)
    return (
      <span className="text-bad">The rules have an error, so nobody is counted.</span>
    )
  if (!preview) return live.error ? null : <Counting />
  return (
    <span className={isStale ? 'opacity-60' : undefined}>
      <strong className="text-xl font-semibold">{number(preview.count)}</strong>{' '}
      <span className="text-muted">
        of {count(preview.total_customers, 'customer')} match (
        {percent(preview.count, preview.total_customers)})
      </span>
    </span>
  )
}

function Counting() {
  return (
    <span className="inline-flex items-center gap-2 text-muted">
      <Spinner /> Counting
    </span>
  )
}
