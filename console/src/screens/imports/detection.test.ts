import { expect, it } from 'vitest'
import { detectionText } from './detection'
import type { Import } from './types'

const FILE: NonNullable<Import['detected']> = {
  preset: null,
  kind: null,
  format: 'csv',
  columns: ['Name'],
  options: {},
}

const titleOf = (changes: Partial<typeof FILE>) =>
  detectionText({ detected: { ...FILE, ...changes } }).title

it('names the program that a file comes from', () => {
  expect(
    titleOf({
      preset: 'shopify-orders',
      title: 'Shopify’s export of orders',
      kind: 'orders',
    }),
  ).toBe('This looks like Shopify’s export of orders')
})

it('names the kind where only that is known', () => {
  expect(titleOf({ kind: 'customers' })).toBe('The columns look like customers')
  expect(titleOf({ kind: 'events', format: 'ndjson' })).toBe(
    'This looks like activity, one JSON object a line',
  )
})

it('says that a layout is not known, and what to do', () => {
  for (const detected of [null, FILE]) {
    const { title, explanation, isComplete } = detectionText({ detected })
    expect(title).toBe('The layout of this file is not known')
    expect(explanation).toMatch(/^Choose/)
    expect(isComplete).toBe(false)
  }
})
