import type { Schemas } from '@/api/client'
import { useApi, useApiList } from '@/api/query'
import { money } from '@/format'
import { useQueryParam } from '@/url/use-query-param'
import { CopyCurl } from '@/ui/copy'
import { TextLink } from '@/ui/link'
import { Card, None } from '@/ui/page'
import { EmptyState, Read } from '@/ui/state'
import { type Column, LoadMore, Table } from '@/ui/table'
import { Time } from '@/ui/time'
import { Narrow } from '@/ui/wide'
import type { Customer } from './columns'
import { OrderDialog } from './order-dialog'
import { OrderStatusBadge } from './order-status'

type Order = Schemas['Order']

/** The part of the URL that opens an order. */
const orderSearch = (id: string) => `?${new URLSearchParams({ order: id })}`

const COLUMNS: Column<Order>[] = [
  {
    id: 'order',
    header: 'Order',
    cell: (order) => (
      <TextLink to={{ search: orderSearch(order.order_id) }} preventScrollReset>
        <code className="font-mono text-sm wrap-anywhere">{order.order_id}</code>
      </TextLink>
    ),
  },
  {
    id: 'placed',
    header: 'Placed',
    cell: (order) => (
      <>
        <Time at={order.placed_at} />
        <Narrow>
          <OrderStatusBadge order={order} />
        </Narrow>
      </>
    ),
  },
  {
    id: 'status',
    header: 'Status',
    cell: (order) => <OrderStatusBadge order={order} />,
    wideOnly: true,
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
  const [opened, setOpened] = useQueryParam('order')
  return (
    <Card flush title="Orders" actions={<CopyCurl path="/api/orders" query={query} />}>
      <Read flush query={{ ...orders, data: orders.items }}>
        {(items) =>
          items.length === 0 ? (
            <EmptyState icon="customers" title="No orders yet">
              This customer’s orders appear here once the shop sends them. Orders that
              were moved are with their new customer.
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
      {opened && (
        <OpenedOrder customer={customer} id={opened} onClose={() => setOpened(null)} />
      )}
    </Card>
  )
}

/** The order that the URL names, also one that is not on the pages that were read. */
function OpenedOrder({
  customer: { customer_id },
  id,
  onClose,
}: {
  customer: Customer
  id: string
  onClose: () => void
}) {
  const query = { customer_id, order_id: id, limit: 1 }
  const found = useApi('/api/orders', { params: { query } })
  const order = found.data?.items[0]
  return order ? <OrderDialog order={order} onClose={onClose} /> : null
}
