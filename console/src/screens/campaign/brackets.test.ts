import { expect, it } from 'vitest'
import { money } from '@/format'
import { bracketLabel } from './brackets'

it('names ranges of spend', () => {
  const dollars = (minor: number) => money(minor, 'USD')
  expect(bracketLabel({ up_to: 5_000 }, dollars)).toBe('up to $50.00')
  expect(bracketLabel({ above: 5_000, up_to: 100_000 }, dollars)).toBe(
    '$50.00 to $1,000.00',
  )
  expect(bracketLabel({ above: 100_000, up_to: null }, dollars)).toBe(
    'more than $1,000.00',
  )
  expect(bracketLabel({}, dollars)).toBe('anything')
})
