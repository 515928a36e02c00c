import { createContext, type ReactNode, use } from 'react'
import { api, call, type Schemas } from '@/api/client'
import { queryClient } from '@/api/query'
import { type Ability, may } from './roles'

export type Me = Schemas['Me']

const MeContext = createContext<Me | null>(null)

export function SessionProvider({ me, children }: { me: Me; children: ReactNode }) {
  return <MeContext value={me}>{children}</MeContext>
}

/** The person who is signed in. */
export function useSession(): Me {
  const me = use(MeContext)
  if (!me) throw new Error('useSession needs a screen within the shell')
  return me
}

export function useMay(ability: Ability): boolean {
  return may(useSession().role, ability)
}

/** Shows its content only to a role that may do something with it. */
export function IfMay({ ability, children }: { ability: Ability; children: ReactNode }) {
  return useMay(ability) ? children : null
}

export async function signOut() {
  await call(api.POST('/api/auth/logout'))
  queryClient.clear()
  // A new page has nothing of the old session in memory.
  window.location.assign('/sign-in')
}

/** The link that begins a sign-in and comes back to a path of the console. */
export function signInLink(returnTo: string): string {
  const safe = /^\/(?:[!-.0-[\]-~][!-[\]-~]*)?$/.test(returnTo) && returnTo.length <= 512
  return `/api/auth/google?return_to=${encodeURIComponent(safe ? returnTo : '/')}`
}
