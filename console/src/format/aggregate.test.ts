import { expect, test } from 'vitest'
import { aggregateKey, aggregateParts } from './aggregate'

test('a key is as the API writes it', () => {
  expect(aggregateKey('order', 'c-1', 'o/17')).toBe('order/c-1/o%2F17')
  expect(aggregateKey('customer', "a:b@c+d~e'f")).toBe('customer/a:b@c+d%7Ee%27f')
})

test('its parts are the ids', () => {
  expect(aggregateParts(aggregateKey('order', 'c é', "o/1'"))).toEqual([
    'order',
    'c é',
    "o/1'",
  ])
  expect(aggregateParts('customer/100%')).toEqual(['customer', '100%'])
})
