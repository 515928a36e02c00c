import { expect, it } from 'vitest'
import { type Consent, currentConsent, sourceText } from './consents'

function consent(state: Consent['state']): Consent {
  return {
    state,
    at: '2026-11-01T10:00:00Z',
    recorded_at: '2026-11-01T10:00:01Z',
    source: 'form',
    addresses: {},
    actor: 'key:bootstrap',
    position: '1:1',
  }
}

it('is what the newest record says', () => {
  const [opted, agreed] = [consent('unsubscribed'), consent('subscribed')]
  expect(currentConsent({ unsubscribed: true }, [opted, agreed])).toEqual({
    state: 'unsubscribed',
    record: opted,
  })
  expect(currentConsent({ unsubscribed: false }, [agreed, opted])).toEqual({
    state: 'subscribed',
    record: agreed,
  })
})

it('is an opt-out without a record too', () => {
  expect(currentConsent({ unsubscribed: true }, [])).toEqual({
    state: 'unsubscribed',
    record: null,
  })
})

it('is unknown if nobody has recorded that the customer wants messages', () => {
  expect(currentConsent({ unsubscribed: false }, []).state).toBe('unknown')
})

it('has a source that a person wrote, or one that the API names', () => {
  expect(sourceText('phone call')).toBe('phone call')
  expect(sourceText('data')).toBe('Data that was sent')
})
