import { describe, expect, test } from 'vitest'
import {
  actorText,
  bytes,
  calendarDay,
  count,
  decimals,
  duration,
  money,
  percent,
  relativeTime,
  shortMoney,
  suppressionText,
} from '.'

describe('money', () => {
  test('minor units depend on the currency', () => {
    expect(money(123450, 'USD')).toBe('$1,234.50')
    expect(money(1234, 'JPY')).toBe('¥1,234')
    expect(money(1234, 'KWD').replaceAll('\u00a0', ' ')).toBe('KWD 1.234')
    expect(money(-5, 'USD')).toBe('-$0.05')
    expect(decimals('EUR')).toBe(2)
    expect(shortMoney(123450, 'USD')).toBe('$1.2K')
  })
})

describe('shares', () => {
  test('something is never nothing, and almost all is never all', () => {
    expect(percent(1, 100_000)).toBe('<0.1%')
    expect(percent(99_999, 100_000)).toBe('>99.9%')
    expect(percent(1, 8)).toBe('12.5%')
    expect(percent(0, 5)).toBe('0%')
    expect(percent(0, 0)).toBe('–')
  })
})

describe('sizes and counts', () => {
  test('bytes', () => {
    expect(bytes(0)).toBe('0 B')
    expect(bytes(1536)).toBe('1.5 KiB')
    expect(bytes(25 * 1024 * 1024)).toBe('25 MiB')
  })
  test('one has no plural', () => {
    expect(count(1, 'customer')).toBe('1 customer')
    expect(count(23570, 'customer')).toBe('23,570 customers')
    expect(count(2, 'activity', 'activities')).toBe('2 activities')
  })
})

describe('times', () => {
  const now = Date.parse('2026-11-29T12:00:00Z')
  test('relative to now', () => {
    expect(relativeTime('2026-11-29T11:59:57Z', now)).toBe('just now')
    expect(relativeTime('2026-11-29T11:55:00Z', now)).toBe('5 minutes ago')
    expect(relativeTime('2026-11-29T14:00:00Z', now)).toBe('in 2 hours')
    expect(relativeTime('2026-11-28T11:00:00Z', now)).toBe('yesterday')
  })
  test('durations have two units at most', () => {
    expect(duration(350)).toBe('350 ms')
    expect(duration(2_400)).toBe('2.4 s')
    expect(duration(200_000)).toBe('3 min 20 s')
    expect(duration(7_500_000)).toBe('2 h 5 min')
    expect(duration(86_400_000)).toBe('1 d')
  })
  test('a calendar day is the same in every zone', () => {
    expect(calendarDay('2026-11-29')).toContain('29')
  })
})

test('names of the API in words', () => {
  expect(suppressionText('no_address')).toBe('No address')
  expect(suppressionText('suppression_list')).toBe('Suppression list')
  expect(actorText('key:bootstrap')).toBe('bootstrap key')
  expect(actorText('user:usr_1')).toBe('usr_1')
})
