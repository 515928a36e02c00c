import type { Schemas } from '@/api/client'
import { money, number } from '@/format'
import { None } from '@/ui/page'
import { type Column, Table } from '@/ui/table'
import { Time } from '@/ui/time'

type Customer = Schemas['Customer']

export const CUSTOMER_COLUMNS: Column<Customer>[] = [
  {
    id: 'customer',
    header: 'Customer',
    cell: (customer) => customer.name ?? customer.customer_id,
    width: 'minmax(8rem, 2fr)',
  },
  {
    id: 'email',
    header: 'Email address',
    cell: (customer) => customer.email ?? <None />,
    wideOnly: true,
    width: 'minmax(10rem, 2fr)',
  },
  {
    id: 'city',
    header: 'City',
    cell: (customer) => customer.city ?? <None />,
    wideOnly: true,
    width: 'minmax(6rem, 1fr)',
  },
  {
    id: 'orders',
    header: 'Orders',
    cell: (customer) => number(customer.order_count),
    align: 'end',
    width: '4.5rem',
  },
  {
    id: 'spend',
    header: 'Total spend',
    cell: (customer) => money(customer.total_spend, customer.currency),
    align: 'end',
    width: '7.5rem',
  },
  {
    id: 'last-order',
    header: 'Last order',
    cell: (customer) => <Time at={customer.last_order_at} />,
    align: 'end',
    wideOnly: true,
    width: '13.5rem',
  },
]

export const customerKey = (customer: Customer) => customer.customer_id

export const customerLink = (customer: Customer) =>
  `/customers/${encodeURIComponent(customer.customer_id)}`

/** Some of the customers who match. */
export function SampleTable({ customers }: { customers: readonly Customer[] }) {
  return (
    <Table
      label="Some of the matching customers"
      columns={CUSTOMER_COLUMNS}
      rows={customers}
      rowKey={customerKey}
      rowLink={customerLink}
    />
  )
}
