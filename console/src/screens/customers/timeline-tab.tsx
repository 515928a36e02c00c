import { useApiList } from '@/api/query'
import { useMay } from '@/app/use-session'
import { actorText, money } from '@/format'
import { useQueryParam } from '@/url/use-query-param'
import { Dot } from '@/ui/badge'
import { Button } from '@/ui/button'
import { CopyCurl } from '@/ui/copy'
import { Segmented } from '@/ui/input'
import { TextLink } from '@/ui/link'
import { Card } from '@/ui/page'
import { EmptyState, Read } from '@/ui/state'
import { LoadMore } from '@/ui/table'
import { Time } from '@/ui/time'
import type { Customer } from './columns'
import { describe, type Kind, type TimelineItem } from './happenings'

const KINDS: { value: Kind | 'all'; label: string }[] = [
  { value: 'all', label: 'All' },
  { value: 'orders', label: 'Orders' },
  { value: 'activity', label: 'Activity' },
  { value: 'messages', label: 'Messages' },
  { value: 'profile', label: 'Profile' },
]

export function TimelineTab({ customer }: { customer: Customer }) {
  const id = customer.customer_id
  const [text, setText] = useQueryParam('kind', 'all')
  const kind = KINDS.find((one) => one.value === text)?.value ?? 'all'
  const params = { path: { id }, query: { limit: 100 } }
  const timeline = useApiList('/api/customers/{id}/timeline', { params })
  return (
    <>
      <div className="mb-3 flex flex-wrap items-center justify-between gap-2">
        <Segmented
          label="Events to show"
          value={kind}
          onChange={setText}
          choices={KINDS}
        />
        <CopyCurl
          path={`/api/customers/${encodeURIComponent(id)}/timeline`}
          query={{ limit: 100 }}
        />
      </div>
      <Card flush>
        <Read flush query={{ ...timeline, data: timeline.items }} lines={8}>
          {(items) => {
            const shown = items.filter(
              (item) => kind === 'all' || describe(item, customer.currency).kind === kind,
            )
            return (
              <>
                {shown.length === 0 ? (
                  <EmptyState icon="clock" title="Nothing of this kind">
                    {timeline.hasNextPage
                      ? 'Earlier events have not been read yet.'
                      : 'Nothing of this kind was recorded.'}
                  </EmptyState>
                ) : (
                  <ol className="flex flex-col px-4">
                    {shown.map((item) => (
                      <Row key={item.position} item={item} customer={customer} />
                    ))}
                  </ol>
                )}
                <LoadMore query={timeline} label="Load earlier events" />
                {kind !== 'all' && shown.length === 0 && (
                  <p className="pb-4 text-center">
                    <Button small kind="quiet" onClick={() => setText(null)}>
                      Show all events
                    </Button>
                  </p>
                )}
              </>
            )
          }}
        </Read>
      </Card>
    </>
  )
}

function Row({ item, customer }: { item: TimelineItem; customer: Customer }) {
  const audits = useMay('read the audit trail')
  const { color, title, detail, amount, campaignId } = describe(item, customer.currency)
  return (
    <li className="flex items-baseline gap-3 border-b border-line py-2 last:border-0">
      <span className="flex shrink-0 translate-y-[-1px]">
        <Dot color={color} />
      </span>
      <div className="min-w-0 grow">
        <p className="flex flex-wrap items-baseline gap-x-2">
          <span className="font-medium wrap-anywhere">{title}</span>
          {amount && <span>{money(amount.minor, amount.currency)}</span>}
          {amount && amount.refunded > 0 && (
            <span className="text-muted">
              {money(amount.refunded, amount.currency)} refunded
            </span>
          )}
          {campaignId && (
            <TextLink
              className="text-sm"
              to={`/campaigns/${encodeURIComponent(campaignId)}/recipients/${encodeURIComponent(customer.customer_id)}`}
            >
              Story of the message
            </TextLink>
          )}
        </p>
        {detail && <p className="text-sm text-muted wrap-anywhere">{detail}</p>}
      </div>
      <div className="shrink-0 text-right text-sm text-muted">
        <Time at={item.occurred_at} />
        <div>
          {audits ? (
            <TextLink
              to={`/audit/${encodeURIComponent(item.position)}`}
              title="The entry in the log"
            >
              {actorText(item.actor)}
            </TextLink>
          ) : (
            actorText(item.actor)
          )}
        </div>
      </div>
    </li>
  )
}
