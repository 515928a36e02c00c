import { useApi } from '@/api/query'
import { words } from '@/format'
import { useActorNames } from '@/screens/audit/use-names'
import { TextLink } from '@/ui/link'
import { Card } from '@/ui/page'
import { Read } from '@/ui/state'
import { Time } from '@/ui/time'

/** The latest events of the audit trail. */
export function LatestEvents() {
  const nameOf = useActorNames()
  const audit = useApi(
    '/api/audit',
    { params: { query: { limit: 8 } } },
    { refetchInterval: 10_000 },
  )
  return (
    <Card
      title="Latest events"
      actions={
        <TextLink to="/audit" className="text-sm touch:py-3">
          Audit trail
        </TextLink>
      }
    >
      <Read query={audit} lines={6}>
        {({ items }) => (
          <ol className="flex flex-col">
            {items.map((event) => (
              <li
                key={event.position}
                className="flex items-baseline justify-between gap-3 border-b border-line py-1.5 last:border-0"
              >
                <span className="min-w-0 wrap-anywhere">
                  <TextLink to={`/audit/${encodeURIComponent(event.position)}`}>
                    {words(event.type.replace(/\.\d+$/, ''))}
                  </TextLink>{' '}
                  <span className="text-sm text-muted">
                    {event.aggregate} · {nameOf(event.actor)}
                  </span>
                </span>
                <span className="shrink-0 text-sm text-muted">
                  <Time at={event.at} relative />
                </span>
              </li>
            ))}
          </ol>
        )}
      </Read>
    </Card>
  )
}
