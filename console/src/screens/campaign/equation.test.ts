import { describe, expect, it } from 'vitest'

import { equationOf, findingOf, kindLabel } from './equation'
import type { Reconciliation } from './types'

function accounts(over: Partial<Reconciliation> = {}): Reconciliation {
  return {
    campaign_id: 'cmp_1',
    status: 'completed',
    planned: 10,
    sent: 6,
    delivered: 5,
    unconfirmed: 0,
    failed: 1,
    bounced: 0,
    rejected: 0,
    undeliverable: 0,
    suppressed: 3,
    pending: 0,
    awaiting_receipt: 1,
    complained: 0,
    refused_receipts: 0,
    undetermined: 0,
    quarantined: [],
    views_compared: true,
    texts_compared: true,
    discrepancies: [],
    discrepancies_found: 0,
    ...over,
  }
}

describe('equationOf', () => {
  it('compares the plan with the sum', () => {
    expect(equationOf(accounts())).toMatchObject({ planned: 10, sum: 10, difference: 0 })
    expect(equationOf(accounts({ failed: 0 })).difference).toBe(1)
    expect(equationOf(accounts({ suppressed: 5 })).difference).toBe(-2)
  })
})

describe('findingOf', () => {
  it('is clean only without discrepancies and with a balanced sum', () => {
    expect(findingOf(accounts())).toEqual({
      isClean: true,
      title: 'Every recipient is accounted for',
      reservations: [],
    })
    expect(findingOf(accounts({ failed: 0 })).isClean).toBe(false)
    const found = findingOf(accounts({ discrepancies_found: 1_200 }))
    expect(found).toMatchObject({ isClean: false, title: '1,200 discrepancies' })
  })

  it('names everything that it could not compare', () => {
    const found = findingOf(
      accounts({ undetermined: 2, views_compared: false, texts_compared: false }),
    )
    expect(found.isClean).toBe(true)
    expect(found.reservations).toHaveLength(3)
  })
})

describe('kindLabel', () => {
  it('shows a kind that it does not know as it is', () => {
    expect(kindLabel('size_differs')).toBe('The recorded size of the audience differs')
    expect(kindLabel('new_kind' as never)).toBe('new_kind')
  })
})
