import { expect, it } from 'vitest'
import type { Schemas } from '@/api/client'
import { movedOrder, twinsOf } from './move-order'

const order: Schemas['Order'] = {
  order_id: 'o-17',
  customer_id: 'guest-1',
  amount: 1999,
  refunded_amount: 500,
  currency: 'USD',
  placed_at: '2026-11-01T10:00:00Z',
  status: 'placed',
  items: [{ sku: 'cd-42', quantity: 1, unit_amount: 1999 }],
  updated_at: '2026-11-02T10:00:00Z',
  source_updated_at: '2026-11-01T12:00:00Z',
}

it('sends all of the order, with the time of its source', () => {
  expect(movedOrder(order, 'c-1')).toEqual({
    order_id: 'o-17',
    customer_id: 'c-1',
    moved_from: 'guest-1',
    amount: 1999,
    refunded_amount: 500,
    currency: 'USD',
    placed_at: '2026-11-01T10:00:00Z',
    status: 'placed',
    items: order.items,
    updated_at: '2026-11-01T12:00:00Z',
  })
  const { source_updated_at: _, ...untimed } = order
  // The time at which Patron recorded it is no time of the source.
  expect(movedOrder(untimed, 'c-1')).not.toHaveProperty('updated_at')
})

it('finds the orders with the same id that still count elsewhere', () => {
  const twin = { ...order, customer_id: 'c-1' }
  const moved = { ...order, customer_id: 'c-2', moved_to: 'c-1' }
  expect(twinsOf(order, [order, twin, moved])).toEqual([twin])
})
