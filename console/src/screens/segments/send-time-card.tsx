import type { Schemas } from '@/api/client'
import { useApi } from '@/api/query'
import { number, viewerTimeZone } from '@/format'
import { Card } from '@/ui/page'
import { Read } from '@/ui/state'

type SendTime = Schemas['SendTime']

/** When most customers of a segment are active. */
export function SendTimeCard({ segmentId }: { segmentId: string }) {
  const params = { query: { segment_id: segmentId, time_zone: viewerTimeZone() } }
  const query = useApi('/api/ai/send-time', { params }, { staleTime: 60_000 })
  return (
    <Card title="When they are active">
      <Read query={query}>{(time) => <Hours time={time} />}</Read>
    </Card>
  )
}

function Hours({ time }: { time: SendTime }) {
  const most = Math.max(...time.hours.map(({ customers }) => customers))
  if (most === 0) return <p className="text-muted">{time.explanation}</p>
  return (
    <figure>
      <div
        role="img"
        aria-label={`Customers by hour of the day. ${time.explanation}`}
        className="flex h-24 items-end gap-px"
      >
        {time.hours.map(({ hour, customers }) => (
          <div
            key={hour}
            title={`${hour}:00 to ${hour + 1}:00: ${number(customers)}`}
            className={`flex-1 rounded-t-xs ${hour === time.hour ? 'bg-accent' : 'bg-series-1/35'}`}
            style={{ height: `${Math.max(2, (customers / most) * 100)}%` }}
          />
        ))}
      </div>
      <div aria-hidden="true" className="mt-1 flex justify-between text-xs text-muted">
        {[0, 6, 12, 18, 24].map((hour) => (
          <span key={hour}>{hour}:00</span>
        ))}
      </div>
      <figcaption className="mt-2 text-sm text-muted">
        {time.explanation} Hours in {time.time_zone}.
      </figcaption>
    </figure>
  )
}
