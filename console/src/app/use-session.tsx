import { createContext, type ReactNode, use } from 'react'
import { api, call, type Schemas } from '@/api/client'
import { queryClient } from '@/api/query'
import { forgetAll } from './kept'
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
  forgetAll()
  // A new page has nothing of the old session in memory.
  window.location.assign('/sign-in')
}

/**
 * The path to come back to after a sign-in: never another site, and nothing that a browser
 * reads as one, such as `//` or a path with a tab in it. The API accepts the same.
 */
export function localPath(text: string): string {
  return /^\/(?:[!-.0-[\]-~][!-[\]-~]*)?$/.test(text) && text.length <= 512 ? text : '/'
}

/** The link that begins a sign-in and comes back to a path of the console. */
export function signInLink(returnTo: string): string {
  return `/api/auth/google?return_to=${encodeURIComponent(localPath(returnTo))}`
}
