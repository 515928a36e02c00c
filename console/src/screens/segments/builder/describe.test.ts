import { describe as suite, expect, it } from 'vitest'
import { describeRules } from './describe'
import { parseRules } from './parse'

const formats = {
  money: (minor: number) => `$${(minor / 100).toFixed(2)}`,
  time: (instant: string) => `at ${instant}`,
  day: (day: string) => `day ${day}`,
}

function words(text: string): string {
  const parsed = parseRules(text)
  if (!parsed) throw new Error(text)
  return describeRules(parsed.tree, formats)
}

suite('rules in words', () => {
  it('read as a sentence', () => {
    expect(
      words('total_spend > 100000 AND (visits < 3 OR days_since_last_order > 90)'),
    ).toBe(
      'Total spend is more than $1000.00, and (number of visits is less than 3, or days since last order is more than 90)',
    )
    expect(words('NOT (city in (Rome, Paris) OR tags contains vip)')).toBe(
      'Not (city is one of “Rome” or “Paris”, or tags include “vip”)',
    )
    expect(words('last_order_at between 2026-01-01 AND 2026-03-31')).toBe(
      'Last order date is between day 2026-01-01 and day 2026-03-31',
    )
    expect(words('unsubscribed = false AND email notNull')).toBe(
      'Unsubscribed is no, and email address is known',
    )
    expect(words('events.opened.count >= 3 AND attributes.size = 39')).toBe(
      'Number of “opened” is at least 3, and attribute size is 39',
    )
  })
})
