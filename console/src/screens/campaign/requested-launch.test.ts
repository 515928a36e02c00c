import { describe, expect, it } from 'vitest'
import { isAwaited, launchedStatus } from './requested-launch'

describe('a requested launch', () => {
  it('leads to sending, unless the draft has a time', () => {
    const at = '2099-06-01T07:30:00Z'
    expect(launchedStatus({ status: 'draft', scheduled_at: null })).toBe('launching')
    expect(launchedStatus({ status: 'draft', scheduled_at: at })).toBe('scheduled')
    expect(launchedStatus({ status: 'scheduled', scheduled_at: at })).toBe('launching')
    expect(launchedStatus({ status: 'missed', scheduled_at: at })).toBe('launching')
  })

  it('is awaited until the API answers another status', () => {
    const launch = { from: 'draft', to: 'launching' } as const
    expect(isAwaited(launch, { status: 'draft' })).toBe(true)
    expect(isAwaited(launch, { status: 'completed' })).toBe(false)
    expect(isAwaited(null, { status: 'draft' })).toBe(false)
  })
})
