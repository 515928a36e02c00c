import { expect, it } from 'vitest'
import { NOTHING_SENT, withAnswer } from './send'

const batch = [
  { line: 2, address: 'ada@example.com' },
  { line: 3, address: 'ben@example.com' },
  { line: 5, address: 'nobody' },
]

it('adds up what became of each batch, with the lines of what was refused', () => {
  const problem = {
    type: 'urn:patron:problem:invalid-field',
    title: 'Invalid field',
    status: 422,
    detail: '/address: not a phone number',
    errors: [{ pointer: '/address', detail: 'not a phone number' }],
  }
  const results = [
    { index: 0, id: 'ada@example.com', outcome: 'created' as const, position: '1:1' },
    { index: 1, id: 'ben@example.com', outcome: 'unchanged' as const, position: '1:1' },
    { index: 2, problem },
  ]
  const once = withAnswer(NOTHING_SENT, batch, { results })
  expect(once).toEqual({
    sent: 3,
    added: 1,
    unchanged: 1,
    refused: [{ line: 5, address: 'nobody', reason: 'not a phone number' }],
  })
  const twice = withAnswer(once, batch, { results })
  expect([twice.sent, twice.added, twice.refused.length]).toEqual([6, 2, 2])
  expect(NOTHING_SENT.sent).toBe(0)
})
