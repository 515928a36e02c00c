import { afterAll, beforeAll, expect, test } from 'vitest'
import { hasPassed, nextOccurrence, sendingTime } from './delivery'

const zone = process.env.TZ
beforeAll(() => {
  process.env.TZ = 'Europe/Berlin'
})
afterAll(() => {
  if (zone === undefined) delete process.env.TZ
  else process.env.TZ = zone
})

test('the last of 101 messages leaves after 10 seconds at 10 per second', () => {
  expect(sendingTime(101, 10)).toBe(10_000)
  expect(sendingTime(0, 10)).toBe(0)
})

test('the next Friday evening is this week, or the next if it is over', () => {
  // A Sunday.
  const sunday = new Date('2026-11-29T12:00:00Z')
  expect(nextOccurrence('friday', 19, sunday)).toBe('2026-12-04T18:00:00.000Z')
  expect(nextOccurrence('sunday', 10, sunday)).toBe('2026-12-06T09:00:00.000Z')
  // Less than an hour is too soon to finish the draft.
  expect(nextOccurrence('sunday', 13, sunday)).toBe('2026-12-06T12:00:00.000Z')
  expect(nextOccurrence('sunday', 15, sunday)).toBe('2026-11-29T14:00:00.000Z')
})

test('a time has passed once it is reached', () => {
  const at = '2026-11-29T12:00:00.000Z'
  expect(hasPassed(at, Date.parse(at))).toBe(true)
  expect(hasPassed(at, Date.parse(at) - 1)).toBe(false)
})
