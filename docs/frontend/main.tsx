// A frontend of your own for Patron: signs in, lists campaigns, and follows one live.
// See ../frontend.md for how to run it.
import createClient from 'openapi-fetch'
import { useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import type { components, paths } from './openapi'

type Campaign = components['schemas']['Campaign']
type Progress = components['schemas']['Progress']

/** URL of Patron, as in its PATRON_PUBLIC_URL. */
const PATRON: string = import.meta.env.VITE_PATRON_URL ?? 'http://localhost:8080'

// `include`: the session cookie belongs to Patron's origin, not to that of this page.
const api = createClient<paths>({ baseUrl: PATRON, credentials: 'include' })

type State =
  | { name: 'loading' }
  | { name: 'signed out' }
  | { name: 'failed'; reason: string }
  | { name: 'signed in'; email: string; campaigns: Campaign[] }

async function load(): Promise<State> {
  try {
    const me = await api.GET('/api/auth/me')
    if (me.response.status === 401) return { name: 'signed out' }
    const campaigns = await api.GET('/api/campaigns', {
      params: { query: { limit: 20 } },
    })
    const problem = me.error ?? campaigns.error
    // The id is the same as in the server's log.
    if (problem)
      return { name: 'failed', reason: `${problem.detail} (request ${problem.instance})` }
    return {
      name: 'signed in',
      email: me.data?.email ?? '',
      campaigns: campaigns.data?.items ?? [],
    }
  } catch {
    // Either there is no answer, or the browser does not show it to this page.
    return {
      name: 'failed',
      reason: `${PATRON} does not answer pages of ${location.origin}. Is the origin in PATRON_ALLOWED_ORIGINS?`,
    }
  }
}

function App() {
  const [state, setState] = useState<State>({ name: 'loading' })
  const [followed, setFollowed] = useState<string | null>(null)
  useEffect(() => void load().then(setState), [])

  async function signOut() {
    await api.POST('/api/auth/logout')
    setState(await load())
  }

  switch (state.name) {
    case 'loading':
      return <p>Loading…</p>
    case 'failed':
      return <p role="alert">{state.reason}</p>
    case 'signed out':
      return <a href={signInUrl()}>Sign in</a>
    case 'signed in':
      return (
        <main>
          <p>
            {state.email} <button onClick={signOut}>Sign out</button>
          </p>
          <h1>Campaigns</h1>
          {state.campaigns.length === 0 && <p>There are no campaigns yet.</p>}
          <ul>
            {state.campaigns.map(({ campaign_id, name, status }) => (
              <li key={campaign_id}>
                {name}: {status}{' '}
                <button
                  onClick={() => setFollowed(campaign_id)}
                  aria-label={`Follow ${name}`}
                >
                  Follow
                </button>
              </li>
            ))}
          </ul>
          {followed && <Live key={followed} id={followed} />}
        </main>
      )
  }
}

/** After the sign-in the browser comes back to this page. */
function signInUrl(): string {
  return `${PATRON}/api/auth/google?return_to=${encodeURIComponent(location.href)}`
}

/** Progress of a campaign, as it is sent: after each change, at most once a second. */
function Live({ id }: { id: string }) {
  const [progress, setProgress] = useState<Progress | null>(null)
  useEffect(() => {
    const url = `${PATRON}/api/campaigns/${encodeURIComponent(id)}/progress`
    const events = new EventSource(url, { withCredentials: true })
    const show = ({ data }: MessageEvent<string>) => setProgress(JSON.parse(data))
    events.addEventListener('progress', show)
    events.addEventListener('end', (event) => {
      show(event)
      // Without this the browser would open the stream again.
      events.close()
    })
    return () => events.close()
  }, [id])

  if (!progress) return <p>Waiting for the first event…</p>
  const { audience, sent, delivered, failed, suppressed } = progress.statistics
  return (
    <section aria-label="Progress">
      <h2>{progress.status}</h2>
      <p>
        {sent} of {audience} sent, {delivered} delivered, {failed} failed, {suppressed}{' '}
        suppressed
      </p>
    </section>
  )
}

createRoot(document.getElementById('root')!).render(<App />)
