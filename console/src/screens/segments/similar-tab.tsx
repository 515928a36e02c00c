import type { Schemas } from '@/api/client'
import { useApi } from '@/api/query'
import { count, money, number } from '@/format'
import { CopyCurl } from '@/ui/copy'
import { Card } from '@/ui/page'
import { EmptyState, Read } from '@/ui/state'
import { type Column, Table } from '@/ui/table'
import type { Segment } from './edit-state'
import { closeness } from './similar'

type Lookalike = Schemas['Lookalike']

/** Customers outside of the segment who are most like those in it. */
export function SimilarTab({ segment }: { segment: Segment }) {
  const params = { query: { segment_id: segment.segment_id, limit: 50 } }
  const query = useApi('/api/ai/lookalikes', { params }, { staleTime: 60_000 })
  return (
    <Read query={query}>
      {({ customers, items }) =>
        items.length === 0 ? (
          <EmptyState icon="customers" title="Nobody to compare">
            {customers === 0
              ? 'The segment is empty, so nobody resembles its customers.'
              : 'All customers are in the segment already.'}
          </EmptyState>
        ) : (
          <Card
            flush
            title="Most similar customers outside of the segment"
            actions={<CopyCurl path="/api/ai/lookalikes" query={params.query} />}
          >
            <p className="px-4 pb-2 text-sm text-muted">
              Compared with {count(customers, 'customer')} in the segment by orders,
              spend, activity, and how long ago they ordered.
            </p>
            <Table
              label="Similar customers"
              columns={COLUMNS}
              rows={items}
              rowKey={({ customer }) => customer.customer_id}
              rowLink={({ customer }) =>
                `/customers/${encodeURIComponent(customer.customer_id)}`
              }
            />
          </Card>
        )
      }
    </Read>
  )
}

const COLUMNS: Column<Lookalike>[] = [
  {
    id: 'customer',
    header: 'Customer',
    cell: ({ customer }) => customer.name ?? customer.customer_id,
  },
  {
    id: 'orders',
    header: 'Orders',
    align: 'end',
    cell: ({ customer }) => number(customer.order_count),
  },
  {
    id: 'spend',
    header: 'Total spend',
    align: 'end',
    cell: ({ customer }) => money(customer.total_spend, customer.currency),
  },
  {
    id: 'closest',
    header: 'Closest in',
    wideOnly: true,
    cell: ({ features }) => closeness(features),
  },
  {
    id: 'distance',
    header: 'Distance',
    align: 'end',
    cell: ({ distance }) => (
      <span title="Standard deviations of the store from the segment’s average customer">
        {distance.toFixed(2)}
      </span>
    ),
  },
]
