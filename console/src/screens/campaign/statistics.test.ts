import { expect, it } from 'vitest'
import { countOf, problemStatuses, suppressionsOf } from './statistics'
import { statistics } from './testing'

it('counts each message by its own status', () => {
  const counts = statistics({
    sent: 10,
    delivered: 6,
    unconfirmed: 3,
    awaiting_receipt: 1,
    failed: 9,
    bounced: 4,
    rejected: 2,
    undeliverable: 1,
  })
  expect(countOf(counts, 'sent')).toBe(1)
  expect(countOf(counts, 'failed')).toBe(2)
  expect(countOf(counts, 'rejected')).toBe(2)
  expect(problemStatuses(counts)).toEqual([
    'unconfirmed',
    'failed',
    'bounced',
    'rejected',
    'undeliverable',
  ])
})

it('has no problem where every message arrived', () => {
  expect(problemStatuses(statistics({ sent: 2, delivered: 2 }))).toEqual([])
})

it('lists the most frequent reason first, without those that did not occur', () => {
  const suppressed_for = { unsubscribed: 1, no_address: 0, suppression_list: 4 }
  expect(suppressionsOf(statistics({ suppressed_for }))).toEqual([
    ['suppression_list', 4],
    ['unsubscribed', 1],
  ])
})
