import type { Schemas } from '@/api/client'

export type Role = Schemas['Role']

/**
 * What each role may do, as the API's own table has it. It decides what is offered; the
 * API decides what is done.
 */
const ABILITIES = {
  read: ['viewer', 'marketer', 'admin'],
  'use help in plain words': ['marketer', 'admin'],
  'preview rules': ['marketer', 'admin'],
  'change segments': ['marketer', 'admin'],
  'change campaigns': ['marketer', 'admin'],
  'change suppressions': ['marketer', 'admin'],
  'record consents': ['marketer', 'admin'],
  'merge customers': ['ingest', 'marketer', 'admin'],
  'read the audit trail': ['admin'],
  operate: ['admin'],
  'manage access': ['admin'],
  'read settings': ['admin'],
  'load the demo shop': ['admin'],
  'send data': ['ingest', 'admin'],
  'import files': ['marketer', 'admin'],
} as const satisfies Record<string, readonly Role[]>

export type Ability = keyof typeof ABILITIES

export function may(role: Role, ability: Ability): boolean {
  return (ABILITIES[ability] as readonly Role[]).includes(role)
}
