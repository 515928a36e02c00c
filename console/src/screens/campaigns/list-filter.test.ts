import { expect, test } from 'vitest'
import { isFiltered, passes } from './list-filter'

const campaign = { name: 'Spring greetings', tags: ['season'], status: 'paused' } as const
const check = (text: string, status = '') =>
  passes({ ...campaign, tags: [...campaign.tags] }, { text, status })

test('every word is found in the name or in a tag', () => {
  expect(check('GREET seas')).toBe(true)
  expect(check('spring autumn')).toBe(false)
  expect(check('')).toBe(true)
})

test('a group has several statuses', () => {
  expect(check('', 'active')).toBe(true)
  expect(check('', 'paused')).toBe(true)
  expect(check('', 'completed')).toBe(false)
  expect(check('', 'nonsense')).toBe(false)
})

test('blanks filter nothing', () => {
  expect(isFiltered({ text: '  ', status: '' })).toBe(false)
  expect(isFiltered({ text: '', status: 'draft' })).toBe(true)
})
