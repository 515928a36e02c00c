import { useState } from 'react'
import { useLocation } from 'react-router'
import { api, call } from '@/api/client'
import { queryClient } from '@/api/query'
import { Button } from '@/ui/button'
import { Dialog } from '@/ui/dialog'
import { Problem } from '@/ui/problem'
import { forgetAll } from './kept'
import { session } from './session'
import { signInLink } from './use-session'

/**
 * The session ended while a screen is open. The screen stays below, with everything typed
 * into it; what is kept in the tab survives the way to the provider and back.
 */
export function SessionEnded({ actor }: { actor: string }) {
  const { pathname, search } = useLocation()
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)

  async function check() {
    setBusy(true)
    setError(null)
    try {
      const me = await call(api.GET('/api/auth/me'))
      // Another person must not see what the last one opened.
      if (me.actor !== actor) {
        forgetAll()
        window.location.reload()
        return
      }
      session.opened()
      await queryClient.invalidateQueries()
    } catch (failure) {
      setError(failure)
    } finally {
      setBusy(false)
    }
  }

  return (
    <Dialog
      open
      sticky
      onClose={() => undefined}
      title="Your session has ended"
      footer={
        <>
          <Button busy={busy} onClick={() => void check()}>
            I have signed in again
          </Button>
          <a
            href={signInLink(pathname + search)}
            className="inline-flex h-8 items-center rounded-md bg-accent px-3 font-medium text-on-accent hover:bg-accent-hover touch:h-11"
          >
            Sign in again
          </a>
        </>
      }
    >
      <p>Sign in again to continue where you are. What you typed is kept.</p>
      <p className="text-muted">
        Without a provider, open a new sign-in link in another tab, then come back and
        continue here.
      </p>
      {error ? <Problem error={error} /> : null}
    </Dialog>
  )
}
