import { describe, expect, it } from 'vitest'

import { hasReasons, reasonChoices, reasonOf } from './reasons'
import { message } from './testing'

describe('reasonOf', () => {
  it('depends on the status', () => {
    expect(
      reasonOf(message({ status: 'suppressed', suppression: { reason: 'template' } })),
    ).toBe('template')
    expect(
      reasonOf(message({ status: 'failed', reason: 'blocked', problem: '503' })),
    ).toBe('blocked')
    expect(reasonOf(message({ status: 'bounced', reason: 'full' }))).toBe('full')
    expect(reasonOf(message({ status: 'rejected', problem: 'no' }))).toBe('no')
    expect(reasonOf(message({ status: 'undeliverable', problem: '503' }))).toBe('503')
    // A message that arrived after failed attempts keeps the last problem.
    expect(reasonOf(message({ status: 'delivered', problem: '503' }))).toBeNull()
  })
})

describe('reasonChoices', () => {
  it('offers counted reasons, seen reasons and the chosen one, each once', () => {
    const counts = { unsubscribed: 3, no_address: 0 }
    expect(reasonChoices('suppressed', counts, ['unsubscribed'], 'template')).toEqual([
      'template',
      'unsubscribed',
    ])
  })

  it('offers no suppressions for another status', () => {
    expect(reasonChoices('failed', { unsubscribed: 3 }, ['blocked'], null)).toEqual([
      'blocked',
    ])
  })
})

describe('hasReasons', () => {
  it('is false for messages that went out', () => {
    expect(hasReasons('delivered')).toBe(false)
    expect(hasReasons('failed')).toBe(true)
    expect(hasReasons(null)).toBe(true)
  })
})
