import { describe as group, expect, it } from 'vitest'
import { describe as describeIn, type TimelineItem } from './happenings'

const describe = (one: TimelineItem) => describeIn(one, 'KWD')

function item(aggregate: string, type: string, data: object): TimelineItem {
  return {
    position: '3:17',
    type,
    aggregate,
    occurred_at: '2026-02-02T02:40:00Z',
    recorded_at: '2026-02-02T02:40:00Z',
    actor: 'key:bootstrap',
    data: data as TimelineItem['data'],
  }
}

group('a timeline', () => {
  it('shows an order with its lines and its amount', () => {
    const order = item('order/c-1/o%2F17', 'order_placed.1', {
      amount: 1250,
      currency: 'EUR',
      items: [
        { sku: 's-1', name: 'Tea', quantity: 2 },
        { sku: 's-2', quantity: 1 },
      ],
    })
    expect(describe(order)).toEqual({
      kind: 'orders',
      color: 'good',
      title: 'Order o/17 placed',
      detail: '2 × Tea, s-2',
      amount: { minor: 1250, refunded: 0, currency: 'EUR' },
      campaignId: null,
    })
  })

  it('takes the currency of the customer where an event has none', () => {
    const order = item('order/c-1/o-1', 'order_placed.1', { amount: 1250 })
    expect(describe(order).amount).toEqual({ minor: 1250, refunded: 0, currency: 'KWD' })
  })

  it('says what became of an order', () => {
    const refund = item('order/c-1/o-1', 'order_updated.1', {
      content: { amount: 5, currency: 'EUR', status: 'refunded' },
      previous: { amount: 5, status: 'placed' },
    })
    expect(describe(refund).title).toBe('Order o-1 refunded')
    const part = item('order/c-1/o-1', 'order_updated.1', {
      content: { amount: 6000, refunded_amount: 1500, currency: 'EUR' },
      previous: { amount: 6000, status: 'placed' },
    })
    expect(describe(part)).toMatchObject({
      title: 'Order o-1 changed',
      amount: { minor: 6000, refunded: 1500, currency: 'EUR' },
    })
  })

  it('links a message to its campaign and says why it was suppressed', () => {
    const message = item('message/c-1/cmp_1', 'message_suppressed.1', {
      reason: 'no_address',
    })
    expect(describe(message)).toMatchObject({
      kind: 'messages',
      title: 'Message suppressed: no address',
      campaignId: 'cmp_1',
    })
  })

  it('names the fields of a changed profile', () => {
    const change = item('customer/c-1', 'customer_updated.1', {
      profile: { name: null },
      city: 'Berlin',
    })
    expect(describe(change)).toMatchObject({
      title: 'Profile changed',
      detail: 'name, city',
    })
    const end = item('customer/c-1', 'customer_updated.1', { unsubscribed: true })
    expect(describe(end).title).toBe('Unsubscribed')
  })

  it('shows an event of an unknown type by its name', () => {
    expect(describe(item('message/c-1/cmp_1', 'message_opened.1', {})).title).toBe(
      'Message opened',
    )
  })
})
