import { expect, it } from 'vitest'
import { mergeSentences } from './merge-result'

const result = { into: 'c-2', orders: 3, activities: 1 }

it('says what moved', () => {
  expect(mergeSentences({ ...result, kept_orders: 0, left_out: [] })).toEqual([
    '3 orders and 1 activity moved to c-2.',
  ])
  expect(mergeSentences({ into: 'c-2', orders: 1 })).toEqual([
    '1 order and all activity moved to c-2.',
  ])
})

it('says what did not move, by number or by name', () => {
  expect(mergeSentences({ ...result, kept_orders: 1 })[1]).toBe(
    '1 order of the same id stayed as c-2 had it.',
  )
  expect(mergeSentences({ ...result, kept_orders: ['o-1', 'o-2'] })[1]).toBe(
    '2 orders of the same id stayed as c-2 had them: o-1, o-2.',
  )
  expect(mergeSentences({ ...result, left_out: ['attributes.size'] })[1]).toBe(
    'c-2 has no room for attributes.size.',
  )
})
