import { describe, expect, it } from 'vitest'
import { KEY_ROLES, keyState, roleWarning, USER_ROLES } from './roles'

describe('the roles that can be assigned', () => {
  it('offers ingest for keys alone, and locking out for users alone', () => {
    expect(KEY_ROLES.map((role) => role.value)).toEqual([
      'ingest',
      'viewer',
      'marketer',
      'admin',
    ])
    expect(USER_ROLES.map((role) => role.value)).toEqual([
      'admin',
      'marketer',
      'viewer',
      'none',
    ])
  })
})

describe('the state of a key', () => {
  const now = Date.parse('2026-11-29T12:00:00Z')

  it('is active without an expiry, and before it', () => {
    expect(keyState({}, now)).toBe('active')
    expect(keyState({ expires_at: '2026-11-29T12:00:01Z' }, now)).toBe('active')
  })

  it('is expired from the instant of its expiry', () => {
    expect(keyState({ expires_at: '2026-11-29T12:00:00Z' }, now)).toBe('expired')
  })

  it('is revoked even if it has expired since', () => {
    const key = { revoked_at: '2026-11-01T00:00:00Z', expires_at: '2026-11-02T00:00:00Z' }
    expect(keyState(key, now)).toBe('revoked')
  })
})

describe('the warning before a change of role', () => {
  const user = { user_id: 'usr_1', role: 'admin' as const }

  it('warns admins who take their own role away', () => {
    expect(roleWarning(user, 'viewer', 'usr_1')).toContain('This is you')
  })

  it('warns that locking out ends sessions', () => {
    expect(roleWarning(user, 'none', 'usr_2')).toContain('sessions')
  })

  it('is silent for a harmless change', () => {
    expect(roleWarning(user, 'viewer', 'usr_2')).toBeNull()
    expect(roleWarning(user, 'admin', 'usr_1')).toBeNull()
  })
})
