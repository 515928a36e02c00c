import { useEffect } from 'react'
import { Navigate, useNavigate, useParams } from 'react-router'
import { useApi } from '@/api/query'
import { useScreenActions } from '@/app/actions'
import { useMay } from '@/app/use-session'
import { HistoryLink } from '@/screens/audit/history-link'
import { money, number, suppressionSummary } from '@/format'
import { leaves } from '@/format/attributes'
import { usePathPart } from '@/url/path-part'
import { useQueryParam, useSetQueryParams } from '@/url/use-query-param'
import { Badge, Tag } from '@/ui/badge'
import { Button } from '@/ui/button'
import { CopyableId } from '@/ui/code'
import { CopyCurl } from '@/ui/copy'
import { TextLink } from '@/ui/link'
import { Card, Definitions, None, PageHeader, Tabs } from '@/ui/page'
import { Problem } from '@/ui/problem'
import { StatTile, StatTiles } from '@/ui/stat'
import { Read } from '@/ui/state'
import { Time } from '@/ui/time'
import type { Customer } from './columns'
import { CampaignsTab } from './campaigns-tab'
import { ConsentTab } from './consent-tab'
import { MergeDialog } from './merge-dialog'
import { MergeState } from './merge-state'
import { OrdersTab } from './orders-tab'
import { SegmentsTab } from './segments-tab'
import { TimelineTab } from './timeline-tab'

const TABS = [
  { id: 'profile', label: 'Profile', Content: Profile },
  { id: 'timeline', label: 'Timeline', Content: TimelineTab },
  { id: 'orders', label: 'Orders', Content: OrdersTab },
  { id: 'segments', label: 'Segments', Content: SegmentsTab },
  { id: 'campaigns', label: 'Campaigns', Content: CampaignsTab },
  { id: 'consent', label: 'Consent', Content: ConsentTab },
]

export function Component() {
  const { tab = 'profile' } = useParams()
  const id = usePathPart(1)
  const customer = useCustomer(id)
  const path = `/customers/${encodeURIComponent(id)}`
  const navigate = useNavigate()
  const tabs = TABS.map((one) => ({
    ...one,
    to: one.id === 'profile' ? path : `${path}/${one.id}`,
  }))
  const [dialog, setDialog] = useQueryParam('dialog')
  const [into] = useQueryParam('into')
  const setParams = useSetQueryParams()
  const mayMerge = useMay('merge customers') && !customer.data?.merged_into
  const merge = () => setDialog('merge', { push: true })
  useScreenActions([
    ...tabs.map(({ id, label, to }) => ({
      id,
      label: `This customer: ${label}`,
      run: () => void navigate(to),
    })),
    ...(mayMerge
      ? [
          {
            id: 'merge',
            label: 'Merge this customer into another one',
            icon: 'merge' as const,
            run: merge,
          },
        ]
      : []),
  ])
  const shown = TABS.find((one) => one.id === tab)
  if (!shown) return <Navigate replace to={path} />
  const { Content } = shown
  return (
    <>
      <PageHeader
        title={customer.data?.name ?? id}
        breadcrumbs={[{ label: 'Customers', to: '/customers' }]}
        badge={customer.data && <State customer={customer.data} />}
        description={<CopyableId id={id} />}
        actions={
          <>
            <CopyCurl path={`/api/customers/${encodeURIComponent(id)}`} />
            <HistoryLink filter={{ customer_id: id }} />
            {customer.data && mayMerge && (
              <Button icon="merge" onClick={merge}>
                Merge…
              </Button>
            )}
          </>
        }
      />
      <Read query={customer} back={{ label: 'All customers', to: '/customers' }}>
        {(data) => (
          <>
            <MergeState customer={data} />
            {data.quarantined && (
              <div className="mb-4">
                <Problem
                  error={
                    new Error(
                      `The event at ${data.quarantined.position} cannot be folded: ${data.quarantined.reason}. This customer is shown as before it.`,
                    )
                  }
                />
              </div>
            )}
            <Tabs label="Parts of the customer" tabs={tabs} />
            <Content customer={data} />
            {mayMerge && dialog === 'merge' && (
              <MergeDialog
                customer={data}
                into={into}
                onClose={() => setParams({ dialog: null, into: null })}
              />
            )}
          </>
        )}
      </Read>
    </>
  )
}

/** Milliseconds between reads while a merge is under way. */
const WHILE_MERGING = 2_000

function useCustomer(id: string) {
  const customer = useApi('/api/customers/{id}', { params: { path: { id } } })
  const isMerging = customer.data?.merging ?? false
  const { refetch } = customer
  useEffect(() => {
    if (!isMerging) return
    const timer = setInterval(() => {
      if (!document.hidden) void refetch()
    }, WHILE_MERGING)
    return () => clearInterval(timer)
  }, [isMerging, refetch])
  return customer
}

/** Whether campaigns send to a customer, or the reason why not. */
function messagesText({ unsubscribed, suppression }: Customer): string {
  if (unsubscribed) return 'Unsubscribed'
  return suppression
    ? `None: ${suppressionSummary(suppression).toLowerCase()}`
    : 'Subscribed'
}

function State({ customer }: { customer: Customer }) {
  return (
    <>
      {customer.unsubscribed && <Badge color="warn">Unsubscribed</Badge>}
      {customer.suppression && !customer.unsubscribed && (
        <Badge color="warn">Gets no messages</Badge>
      )}
      {customer.merging && <Badge color="accent">Merging</Badge>}
      {customer.merged_into && !customer.merging && <Badge>Merged</Badge>}
    </>
  )
}

function Profile({ customer }: { customer: Customer }) {
  const attributes = leaves(customer.attributes)
  const events = Object.entries(customer.events)
  return (
    <div className="flex flex-col gap-4">
      <StatTiles>
        <StatTile
          label="Spend"
          value={money(customer.total_spend, customer.currency)}
          detail={
            customer.gross_spend === customer.total_spend
              ? null
              : `${money(customer.gross_spend, customer.currency)} before refunds`
          }
        />
        <StatTile label="Orders" value={number(customer.order_count)} />
        <StatTile
          label="Average order"
          value={
            customer.average_order_value == null ? (
              <None />
            ) : (
              money(customer.average_order_value, customer.currency)
            )
          }
        />
        <StatTile
          label="Last order"
          value={<Time at={customer.last_order_at} relative />}
        />
      </StatTiles>
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Card title="Profile">
          {!customer.registered && (
            <p className="mb-2 text-muted">
              The shop has not sent a profile. This customer is known from orders or
              activity alone.
            </p>
          )}
          <Definitions
            items={[
              { term: 'Name', value: customer.name },
              { term: 'Email', value: customer.email },
              { term: 'Phone', value: customer.phone },
              { term: 'City', value: customer.city },
              { term: 'Country', value: customer.country },
              {
                term: 'Tags',
                value:
                  customer.tags.length === 0 ? null : (
                    <span className="flex flex-wrap gap-1">
                      {customer.tags.map((tag) => (
                        <Tag key={tag}>{tag}</Tag>
                      ))}
                    </span>
                  ),
              },
              { term: 'Customer since', value: <Time at={customer.registered_at} /> },
              {
                term: 'Messages',
                value: (
                  <TextLink
                    to={`/customers/${encodeURIComponent(customer.customer_id)}/consent`}
                  >
                    {messagesText(customer)}
                  </TextLink>
                ),
              },
              ...attributes.map(([name, value]) => ({
                term: <span className="wrap-anywhere">{name}</span>,
                value: String(value),
              })),
            ]}
          />
        </Card>
        <Card title="Activity">
          <Definitions
            items={[
              { term: 'First order', value: <Time at={customer.first_order_at} /> },
              { term: 'Last order', value: <Time at={customer.last_order_at} /> },
              ...events.map(([name, { count, last_at }]) => ({
                term: <span className="wrap-anywhere">{name}</span>,
                value: (
                  <>
                    {number(count)}
                    {last_at && (
                      <span className="text-muted">
                        , last <Time at={last_at} relative />
                      </span>
                    )}
                  </>
                ),
              })),
            ]}
          />
        </Card>
      </div>
    </div>
  )
}
