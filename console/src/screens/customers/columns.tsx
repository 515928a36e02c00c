import type { Schemas } from '@/api/client'
import { date, money, number } from '@/format'
import { Badge, Tag } from '@/ui/badge'
import { None } from '@/ui/page'
import type { Column } from '@/ui/table'

export type Customer = Schemas['Customer']

interface Choice extends Column<Customer> {
  label: string
}

function Day({ at }: { at: string | null | undefined }) {
  if (!at) return <None />
  return (
    <time dateTime={at} title={at}>
      {date(at)}
    </time>
  )
}

/** Every column that can be shown, in the order in which they stand. */
export const COLUMNS: Choice[] = [
  {
    id: 'customer',
    label: 'Customer',
    header: 'Customer',
    width: 'minmax(9rem, 2fr)',
    cell: (customer) => (
      <>
        {customer.name ?? customer.customer_id}
        {customer.merging && (
          <span className="ml-2">
            <Badge color="accent" title="Orders and activity are being copied">
              Merging
            </Badge>
          </span>
        )}
        {customer.quarantined && (
          <span className="ml-2">
            <Badge color="warn" title={customer.quarantined.reason}>
              Held back
            </Badge>
          </span>
        )}
      </>
    ),
  },
  {
    id: 'id',
    label: 'Id',
    header: 'Id',
    width: 'minmax(6rem, 1fr)',
    cell: (customer) => (
      <code className="font-mono text-sm text-muted">{customer.customer_id}</code>
    ),
    wideOnly: true,
  },
  {
    id: 'email',
    label: 'Email',
    header: 'Email',
    width: 'minmax(9rem, 2.4fr)',
    cell: (customer) =>
      customer.email ? <span title={customer.email}>{customer.email}</span> : <None />,
    wideOnly: true,
  },
  {
    id: 'phone',
    label: 'Phone',
    header: 'Phone',
    width: 'minmax(8rem, 1fr)',
    cell: (customer) => customer.phone ?? <None />,
    wideOnly: true,
  },
  {
    id: 'city',
    label: 'City',
    header: 'City',
    width: 'minmax(6rem, 1fr)',
    cell: (customer) => customer.city ?? <None />,
    wideOnly: true,
  },
  {
    id: 'country',
    label: 'Country',
    header: 'Country',
    width: 'minmax(5rem, 1fr)',
    cell: (customer) => customer.country ?? <None />,
    wideOnly: true,
  },
  {
    id: 'tags',
    label: 'Tags',
    header: 'Tags',
    width: 'minmax(7rem, 1.7fr)',
    cell: (customer) =>
      customer.tags.length === 0 ? (
        <None />
      ) : (
        <span className="inline-flex max-w-full gap-1 overflow-hidden align-middle">
          {customer.tags.slice(0, 3).map((tag) => (
            <Tag key={tag}>{tag}</Tag>
          ))}
          {customer.tags.length > 3 && (
            <span className="text-sm text-muted">+{customer.tags.length - 3}</span>
          )}
        </span>
      ),
    wideOnly: true,
  },
  {
    id: 'spend',
    label: 'Spend',
    header: 'Spend',
    width: 'minmax(6.5rem, 1fr)',
    align: 'end',
    cell: (customer) => money(customer.total_spend, customer.currency),
  },
  {
    id: 'orders',
    label: 'Orders',
    header: 'Orders',
    width: 'minmax(4.5rem, 0.6fr)',
    align: 'end',
    cell: (customer) => number(customer.order_count),
  },
  {
    id: 'average',
    label: 'Average order',
    header: 'Average order',
    width: 'minmax(7rem, 1fr)',
    align: 'end',
    cell: (customer) =>
      customer.average_order_value == null ? (
        <None />
      ) : (
        money(customer.average_order_value, customer.currency)
      ),
    wideOnly: true,
  },
  {
    id: 'last',
    label: 'Last order',
    header: 'Last order',
    width: 'minmax(8.5rem, 1fr)',
    align: 'end',
    cell: (customer) => <Day at={customer.last_order_at} />,
    wideOnly: true,
  },
  {
    id: 'registered',
    label: 'Customer since',
    header: 'Customer since',
    width: 'minmax(8.5rem, 1fr)',
    align: 'end',
    cell: (customer) => <Day at={customer.registered_at} />,
    wideOnly: true,
  },
  {
    id: 'consent',
    label: 'Messages',
    header: 'Messages',
    width: 'minmax(7rem, 1fr)',
    cell: (customer) =>
      customer.unsubscribed ? (
        <Badge color="warn">Unsubscribed</Badge>
      ) : (
        <span className="text-muted">Subscribed</span>
      ),
    wideOnly: true,
  },
]
