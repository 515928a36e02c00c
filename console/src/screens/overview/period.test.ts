import { describe, expect, it } from 'vitest'
import { periodOf, reportQuery } from './period'

describe('the period of the overview', () => {
  it('is 30 days unless the URL has another known one', () => {
    expect(periodOf('')).toBe('30')
    expect(periodOf('12')).toBe('30')
    expect(periodOf('90')).toBe('90')
  })

  it('is a number of days, whatever day it is for the viewer', () => {
    expect(reportQuery('7')).toEqual({ days: 7 })
  })
})
