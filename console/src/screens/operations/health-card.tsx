import { useReadiness } from '@/api/use-readiness'
import { Badge, Dot } from '@/ui/badge'
import { ErrorState } from '@/ui/state'

const STATUS = {
  ready: { color: 'good', text: 'Ready', hint: 'Every check passes.' },
  degraded: {
    color: 'warn',
    text: 'Degraded',
    hint: 'Requests are served, but an operator should act.',
  },
  unready: {
    color: 'bad',
    text: 'Not ready',
    hint: 'Requests should go to another process.',
  },
} as const

const CHECKS: Record<string, string> = {
  redis: 'Redis',
  log: 'Log',
  mongodb: 'MongoDB',
  memory: 'Memory',
  views: 'Views',
  workers: 'Workers',
  lag: 'Lag',
}

/** What the readiness of this process says, check by check. */
export function HealthCard() {
  const readiness = useReadiness()
  // The last answer says nothing about a server that does not answer any more.
  if (readiness.error) {
    return (
      <div className="mb-4">
        <ErrorState error={readiness.error} onRetry={() => void readiness.refetch()} />
      </div>
    )
  }
  if (!readiness.data) return null
  const { status, checks } = readiness.data
  const failed = checks.filter((check) => !check.ok)
  const { color, text, hint } = STATUS[status]
  return (
    <section
      aria-label="Health"
      className="mb-4 flex flex-col gap-2 rounded-lg border border-line bg-surface px-4 py-3"
    >
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1.5">
        <Badge color={color}>{text}</Badge>
        <span className="text-muted">{hint}</span>
        <ul className="flex flex-wrap gap-x-3 gap-y-1 text-sm md:ml-auto">
          {checks.map((check) => (
            <li key={check.name} className="inline-flex items-center gap-1.5">
              <Dot color={check.ok ? 'good' : status === 'unready' ? 'bad' : 'warn'} />
              {CHECKS[check.name] ?? check.name}
              <span className="sr-only">{check.ok ? 'passes' : 'fails'}</span>
            </li>
          ))}
        </ul>
      </div>
      {failed.length > 0 && (
        <ul className="list-disc pl-5 text-sm">
          {failed.map((check) => (
            <li key={check.name} className="wrap-anywhere">
              {CHECKS[check.name] ?? check.name}: {check.reason}
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
