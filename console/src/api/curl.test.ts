import { expect, test } from 'vitest'
import { curlOf, pathOf } from './curl'

const origin = 'http://127.0.0.1:8080'

test('a read needs no method', () => {
  expect(curlOf({ method: 'GET', path: '/api/customers?q=a' }, origin)).toBe(
    `curl -sS -H "Authorization: Bearer $PATRON_KEY" 'http://127.0.0.1:8080/api/customers?q=a'`,
  )
})

test('quotes in a body are kept from the shell', () => {
  const body = `{"name":"Bob's"}`
  expect(curlOf({ method: 'PATCH', path: '/api/campaigns/c', body }, origin)).toBe(
    `curl -sS -X PATCH -H "Authorization: Bearer $PATRON_KEY" -H 'Content-Type: application/json' -d '{"name":"Bob'\\''s"}' 'http://127.0.0.1:8080/api/campaigns/c'`,
  )
})

test('a write without a body names its method', () => {
  expect(curlOf({ method: 'POST', path: '/api/campaigns/c/launch' }, origin)).toContain(
    '-X POST',
  )
})

test('a file is sent as a form', () => {
  expect(
    curlOf({ method: 'POST', path: '/api/imports', file: 'May orders.csv' }, origin),
  ).toBe(
    `curl -sS -H "Authorization: Bearer $PATRON_KEY" -F 'file=@May orders.csv' 'http://127.0.0.1:8080/api/imports'`,
  )
})

test('absent parameters are left out of the query', () => {
  expect(pathOf('/api/orders', { customer_id: 'a b', limit: 5, cursor: undefined })).toBe(
    '/api/orders?customer_id=a+b&limit=5',
  )
  expect(pathOf('/api/orders')).toBe('/api/orders')
})
