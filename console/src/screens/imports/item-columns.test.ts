import { expect, it } from 'vitest'
import { itemColumns, type PreviewItem } from './item-columns'
import type { ImportKind } from './types'

function table(kind: ImportKind, items: PreviewItem[]) {
  const columns = itemColumns(kind, items)
  return [
    columns.map((column) => column.header),
    ...items.map((item) => columns.map((column) => column.text(item))),
  ]
}

it('shows orders with their money and their items', () => {
  const order = {
    currency: 'USD',
    order_id: '#1',
    items: [{ quantity: 2, sku: 'S', name: 'Soap', unit_amount: 1200 }, { sku: 'T' }],
    amount: 8450,
    customer_id: 'a@example.com',
    refunded_amount: 0,
  }
  expect(
    table('orders', [order, { order_id: '#2', amount: 5, currency: 'JPY' }]),
  ).toEqual([
    ['Order id', 'Customer id', 'Total', 'Refunded', 'Items'],
    ['#1', 'a@example.com', '$84.50', '$0.00', '2 × Soap, 1 × T'],
    ['#2', null, '¥5', null, null],
  ])
})

it('shows every attribute as a column', () => {
  const customers = [
    { customer_id: 'a', tags: ['vip', 'new'], unsubscribed: false },
    { customer_id: 'b', attributes: { plan: 'pro', seats: 3 }, email: null },
  ]
  expect(table('customers', customers)).toEqual([
    ['Customer id', 'Email', 'Tags', 'Unsubscribed', 'plan', 'seats'],
    ['a', null, 'vip, new', 'no', null, null],
    ['b', null, null, null, 'pro', '3'],
  ])
})
