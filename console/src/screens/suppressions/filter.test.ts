import { expect, it } from 'vitest'
import { exportQueryOf, filterOf, queryOf } from './filter'

it('leaves out what no filter is', () => {
  const filter = filterOf({ address: ' ', detail: 'nonsense', channel: 'pigeon' })
  expect(filter).toEqual({ address: '', detail: null, channel: null })
  expect(queryOf(filter)).toEqual({})
})

it('searches by address within the other filters', () => {
  const filter = filterOf({
    address: ' ada@example.com ',
    detail: 'complaint',
    channel: 'email',
  })
  expect(queryOf(filter)).toEqual({
    address: 'ada@example.com',
    detail: 'complaint',
    channel: 'email',
  })
  expect(exportQueryOf(filter)).toEqual({ detail: 'complaint', channel: 'email' })
})
