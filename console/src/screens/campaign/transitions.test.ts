import { describe, expect, it } from 'vitest'

import { actionsOf, hasEnded, isSettled, isUnderWay } from './transitions'
import { campaign, statistics } from './testing'

describe('actionsOf', () => {
  it('offers a draft to be edited, launched, cloned and deleted, not canceled', () => {
    expect(actionsOf(campaign({ status: 'draft' }))).toEqual([
      'launch',
      'edit',
      'clone',
      'delete',
    ])
  })

  it('offers a retry only while messages are undeliverable', () => {
    const sending = campaign({ status: 'sending' })
    expect(actionsOf(sending)).not.toContain('retry')
    sending.statistics.undeliverable = 2
    expect(actionsOf(sending)).toContain('retry')
  })

  it('offers no retry before the audience is resolved', () => {
    const paused = campaign({ status: 'paused', size: null })
    paused.statistics.undeliverable = 2
    expect(actionsOf(paused)).not.toContain('retry')
  })

  it('offers only a copy once the campaign has ended', () => {
    expect(actionsOf(campaign({ status: 'completed' }))).toEqual(['clone'])
    expect(actionsOf(campaign({ status: 'cancelled' }))).toEqual(['clone'])
  })
})

describe('status', () => {
  it('is settled once no message of an ended campaign is pending', () => {
    const pending = statistics({ pending: 3 })
    expect(isSettled({ status: 'cancelled', statistics: pending })).toBe(false)
    expect(isSettled({ status: 'cancelled', statistics: statistics() })).toBe(true)
    expect(isSettled({ status: 'paused', statistics: statistics() })).toBe(false)
  })

  it('tells campaigns that change from those that have ended', () => {
    expect(isUnderWay('sending')).toBe(true)
    expect(isUnderWay('scheduled')).toBe(false)
    expect(hasEnded('cancelled')).toBe(true)
    expect(hasEnded('missed')).toBe(false)
  })
})
