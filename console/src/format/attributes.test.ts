import { expect, test } from 'vitest'
import { leaves } from './attributes'

test('values within objects have a path', () => {
  const values = { size: 39, address: { city: 'Rome', geo: { lat: 41.9 } } }
  expect(leaves(values)).toEqual([
    ['size', 39],
    ['address.city', 'Rome'],
    ['address.geo.lat', 41.9],
  ])
})
