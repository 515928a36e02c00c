import { useApi } from '@/api/query'
import { useReadiness } from '@/api/use-readiness'
import { useMay } from '@/app/use-session'
import { count } from '@/format'
import { Dot } from '@/ui/badge'
import { TextLink } from '@/ui/link'

const STATUS = {
  ready: { color: 'good', text: 'Healthy' },
  degraded: { color: 'warn', text: 'Degraded' },
  unready: { color: 'bad', text: 'Not ready' },
  unreachable: { color: 'bad', text: 'Unknown' },
} as const

/** Health and lag of the deployment in one line. */
export function HealthLine() {
  const readiness = useReadiness()
  const operates = useMay('operate')
  if (!readiness.data && !readiness.error) return null
  // The last answer says nothing about a server that does not answer any more.
  const { status, reasons } = readiness.error
    ? { status: 'unreachable' as const, reasons: [readiness.error.message] }
    : readiness.data
  const { color, text } = STATUS[status]
  return (
    <p className="mb-4 flex flex-wrap items-center gap-x-2 gap-y-1 text-sm" role="status">
      <Dot color={color} />
      <span className="font-medium">{text}</span>
      {reasons.length > 0 && (
        <span className="text-muted wrap-anywhere">{reasons.join('; ')}</span>
      )}
      {operates && (
        <>
          <Lag />
          <TextLink to="/operations">Operations</TextLink>
        </>
      )}
    </p>
  )
}

function Lag() {
  const views = useApi('/api/admin/projections', {}, { refetchInterval: 10_000 })
  if (!views.data) return null
  const lag = Math.max(0, ...views.data.items.map((view) => view.lag))
  return (
    <span className="text-muted">
      {lag === 0
        ? 'All views are up to date.'
        : `The slowest view is ${count(lag, 'event')} behind.`}
    </span>
  )
}
