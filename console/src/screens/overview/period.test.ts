import { describe, expect, it } from 'vitest'
import { periodOf, reportQuery } from './period'

const now = new Date(2026, 10, 29, 15)

describe('the period of the overview', () => {
  it('is 30 days unless the URL has another known one', () => {
    expect(periodOf('')).toBe('30')
    expect(periodOf('12')).toBe('30')
    expect(periodOf('90')).toBe('90')
  })

  it('includes today', () => {
    expect(reportQuery('7', now)).toEqual({ since: '2026-11-23' })
  })

  it('leaves the default to the API', () => {
    expect(reportQuery('30', now)).toEqual({})
  })
})
