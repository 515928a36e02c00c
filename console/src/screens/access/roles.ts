import type { Schemas } from '@/api/client'

type UserRole = Schemas['UserRole']
type KeyRole = Schemas['Role']

interface RoleText<Role> {
  value: Role
  label: string
  hint: string
}

/** Roles of people, from the most to the least. */
export const USER_ROLES: RoleText<UserRole>[] = [
  {
    value: 'admin',
    label: 'Admin',
    hint: 'Everything, including users, keys, the audit trail and operations.',
  },
  {
    value: 'marketer',
    label: 'Marketer',
    hint: 'Reads everything about customers, imports files, and changes segments and campaigns.',
  },
  {
    value: 'viewer',
    label: 'Viewer',
    hint: 'Reads customers, segments, campaigns and reports.',
  },
  {
    value: 'none',
    label: 'Locked out',
    hint: 'Cannot sign in. All open sessions end.',
  },
]

/** Roles of keys. */
export const KEY_ROLES: RoleText<KeyRole>[] = [
  {
    value: 'ingest',
    label: 'Ingest',
    hint: 'Sends customers, orders and activity, and reads nothing. For the systems of a shop.',
  },
  ...USER_ROLES.toReversed().flatMap(({ value, ...text }) =>
    value === 'none' ? [] : [{ value, ...text }],
  ),
]

const LABELS: Record<UserRole | KeyRole, string> = {
  none: 'Locked out',
  ingest: 'Ingest',
  viewer: 'Viewer',
  marketer: 'Marketer',
  admin: 'Admin',
}

export function roleText(role: UserRole | KeyRole): string {
  return LABELS[role]
}

export type KeyState = 'active' | 'expired' | 'revoked'

/** The state of a key at an instant. */
export function keyState(
  key: { revoked_at?: string | null; expires_at?: string | null },
  now: number,
): KeyState {
  if (key.revoked_at) return 'revoked'
  if (key.expires_at && Date.parse(key.expires_at) <= now) return 'expired'
  return 'active'
}

/** What changes for a user who gets another role; `null` if there is nothing to warn of. */
export function roleWarning(
  user: { user_id: string; role: UserRole },
  role: UserRole,
  myself: string | null | undefined,
): string | null {
  if (role === user.role) return null
  if (user.user_id === myself && role !== 'admin') {
    return 'This is you. You lose access to this screen at once, and only another admin can give it back.'
  }
  if (role === 'none') return 'All open sessions of this user end at once.'
  return null
}
