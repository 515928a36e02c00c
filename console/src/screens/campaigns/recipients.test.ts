import { expect, test } from 'vitest'
import type { Schemas } from '@/api/client'
import { someOf, unwritable } from './recipients'

const message = (customer_id: string, problem: string | null) =>
  ({ customer_id, problem }) as Schemas['RenderedMessage']

test('customers are grouped by what their message lacks', () => {
  const groups = unwritable([
    message('a', 'name has no value'),
    message('b', null),
    message('c', 'name has no value'),
    message('d', 'attributes.size has no value'),
  ])
  expect(groups.map((group) => [group.problem, group.customers.length])).toEqual([
    ['name has no value', 2],
    ['attributes.size has no value', 1],
  ])
})

test('names and the number of the others', () => {
  expect(someOf(['Bob', 'Cy'], 1402)).toBe('Bob, Cy and 1,400 more')
  expect(someOf(['Bob', 'Cy'], 2)).toBe('Bob and Cy')
  expect(someOf(['Bob'], 1)).toBe('Bob')
  expect(someOf([], 0)).toBe('')
})
