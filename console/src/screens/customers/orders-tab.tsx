import type { Schemas } from '@/api/client'
import { useApiList } from '@/api/query'
import { money } from '@/format'
import { Badge } from '@/ui/badge'
import { CopyCurl } from '@/ui/copy'
import { Card, None } from '@/ui/page'
import { EmptyState, Read } from '@/ui/state'
import { type Column, LoadMore, Table } from '@/ui/table'
import { Time } from '@/ui/time'
import type { Customer } from './columns'

type Order = Schemas['Order']

const STATUS: Record<Order['status'], { text: string; color: 'good' | 'warn' | 'bad' }> =
  {
    placed: { text: 'Placed', color: 'good' },
    cancelled: { text: 'Canceled', color: 'warn' },
    refunded: { text: 'Refunded', color: 'bad' },
  }

const COLUMNS: Column<Order>[] = [
  {
    id: 'order',
    header: 'Order',
    cell: (order) => <code className="font-mono text-sm">{order.order_id}</code>,
  },
  { id: 'placed', header: 'Placed', cell: (order) => <Time at={order.placed_at} /> },
  {
    id: 'status',
    header: 'Status',
    cell: (order) => (
      <Badge
        color={STATUS[order.status].color}
        title={
          order.status === 'placed'
            ? undefined
            : 'Does not count in the customer’s figures'
        }
      >
        {STATUS[order.status].text}
      </Badge>
    ),
  },
  {
    id: 'items',
    header: 'Items',
    cell: (order) =>
      order.items.length === 0 ? (
        <None />
      ) : (
        <span className="text-sm wrap-anywhere">
          {order.items
            .map((item) => `${item.quantity} × ${item.name ?? item.sku}`)
            .join(', ')}
        </span>
      ),
    wideOnly: true,
  },
  {
    id: 'amount',
    header: 'Amount',
    cell: (order) => (
      <span className="flex flex-col">
        <span>{money(order.amount, order.currency)}</span>
        {order.refunded_amount > 0 && (
          <span className="text-sm text-muted">
            {money(order.refunded_amount, order.currency)} refunded
          </span>
        )}
      </span>
    ),
    align: 'end',
  },
]

export function OrdersTab({ customer }: { customer: Customer }) {
  const query = { customer_id: customer.customer_id, limit: 100 }
  const orders = useApiList('/api/orders', { params: { query } })
  return (
    <Card flush title="Orders" actions={<CopyCurl path="/api/orders" query={query} />}>
      <Read flush query={{ ...orders, data: orders.items }}>
        {(items) =>
          items.length === 0 ? (
            <EmptyState icon="customers" title="No orders yet">
              This customer’s orders appear here once the shop sends them.
            </EmptyState>
          ) : (
            <Table
              label="Orders"
              columns={COLUMNS}
              rows={items}
              rowKey={(order) => order.order_id}
              footer={<LoadMore query={orders} />}
            />
          )
        }
      </Read>
    </Card>
  )
}
