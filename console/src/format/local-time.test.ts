import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  endOfDay,
  fromLocalInput,
  localDay,
  startOfDay,
  toLocalInput,
} from './local-time'

const zone = process.env.TZ
beforeAll(() => {
  process.env.TZ = 'Europe/Berlin'
})
afterAll(() => {
  if (zone === undefined) delete process.env.TZ
  else process.env.TZ = zone
})

describe('in Berlin', () => {
  test('an instant and its local time are the same moment', () => {
    expect(toLocalInput('2026-07-01T10:30:00.000Z')).toBe('2026-07-01T12:30')
    expect(fromLocalInput('2026-07-01T12:30')).toBe('2026-07-01T10:30:00.000Z')
    expect(fromLocalInput('2026-12-01T12:30')).toBe('2026-12-01T11:30:00.000Z')
  })
  test('what is not a time is nothing', () => {
    expect(fromLocalInput('')).toBeNull()
    expect(fromLocalInput('2026-02-30T10:00')).toBeNull()
    expect(fromLocalInput('2026-03-29T02:30')).toBeNull()
    expect(toLocalInput(null)).toBe('')
    expect(toLocalInput('soon')).toBe('')
  })
  test('a day ends where the next begins, also when the clock changes', () => {
    expect(startOfDay('2026-03-29')).toBe('2026-03-28T23:00:00.000Z')
    expect(endOfDay('2026-03-29')).toBe('2026-03-29T22:00:00.000Z')
    expect(startOfDay('2026-13-01')).toBeNull()
  })
  test('days are counted from today', () => {
    const now = new Date('2026-11-29T22:59:00.000Z')
    expect(localDay(0, now)).toBe('2026-11-29')
    expect(localDay(-29, now)).toBe('2026-10-31')
  })
})

test('where the clock changes at midnight, a day begins at one', () => {
  process.env.TZ = 'Africa/Cairo'
  expect(startOfDay('2026-04-24')).toBe('2026-04-23T22:00:00.000Z')
  expect(endOfDay('2026-04-24')).toBe('2026-04-24T21:00:00.000Z')
  process.env.TZ = 'Europe/Berlin'
})
