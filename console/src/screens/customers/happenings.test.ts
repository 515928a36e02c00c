import { describe as group, expect, it } from 'vitest'
import { describe as describeIn, recordedLater, type TimelineItem } from './happenings'

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

group('the time of recording', () => {
  const recorded = (occurred_at: string) =>
    recordedLater({ occurred_at, recorded_at: '2026-11-29T16:41:00Z' })

  it('is told for history that was loaded later', () => {
    expect(recorded('2026-07-03T17:23:00Z')).toBe('2026-11-29T16:41:00Z')
  })

  it('is not told within a day', () => {
    expect(recorded('2026-11-28T16:41:00Z')).toBe(null)
    expect(recorded('2026-11-29T16:42:00Z')).toBe(null)
  })
})

group('a merge', () => {
  const content = { amount: 1250, placed_at: '2026-02-02T02:40:00Z' }

  it('is told by the customer who was merged', () => {
    expect(
      describe(item('customer/c-1', 'customer_merged.1', { into: 'c-2' })).title,
    ).toBe('Merged into c-2')
    const moved = { content, to: 'c-2', how: 'with_customer' }
    expect(describe(item('order/c-1/o-17', 'order_moved.1', moved)).title).toBe(
      'Order o-17 moved to c-2',
    )
    expect(describe(item('order/c-1/o-17', 'order_redirected.1', content)).title).toBe(
      'Order o-17 sent again, after it was moved',
    )
  })

  it('is told by the customer who stays', () => {
    const absorbed = { from: 'c-1', up_to: 7, changes: { profile: { city: 'Berlin' } } }
    expect(describe(item('customer/c-2', 'customer_absorbed.1', absorbed))).toMatchObject(
      {
        title: 'Took over the data of c-1',
        detail: 'city',
      },
    )
    const received = { content, from: 'c-1' }
    expect(describe(item('order/c-2/o-17', 'order_received.1', received))).toMatchObject({
      title: 'Order o-17 moved here from c-1',
      amount: { minor: 1250 },
    })
    const visit = { content: { name: 'page_viewed' }, from: 'c-1' }
    expect(describe(item('activity/c-2/e-1', 'activity_received.1', visit)).title).toBe(
      'Page viewed (as c-1)',
    )
  })
})

group('a consent', () => {
  it('has its source', () => {
    const lifted = { unsubscribed: false, consent: { source: 'phone call' } }
    expect(describe(item('customer/c-1', 'customer_updated.1', lifted))).toMatchObject({
      title: 'Subscribed again',
      detail: 'source: phone call',
    })
  })
})

group('a message that was not delivered', () => {
  it('says what that means', () => {
    const bounced = { bounce: 'hard', reason: 'unknown_recipient' }
    const { title, detail } = describe(
      item('message/c-1/cmp_1', 'message_bounced.1', bounced),
    )
    expect(title).toBe('Message bounced for good')
    expect(detail).toMatch(
      /^Unknown recipient\. The recipient’s mail provider returned it/,
    )
    const listed = { reason: 'suppression_list', detail: 'complaint' }
    expect(
      describe(item('message/c-1/cmp_1', 'message_suppressed.1', listed)).title,
    ).toBe('Message suppressed: suppression list: complaint')
  })
})
