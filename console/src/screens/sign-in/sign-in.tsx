import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { Navigate, useSearchParams } from 'react-router'
import { ApiError, NetworkError, problemOf } from '@/api/error'
import { useApi } from '@/api/query'
import { Logo } from '@/app/shell'
import { localPath, signInLink } from '@/app/use-session'
import { CodeBlock } from '@/ui/code'
import { Problem } from '@/ui/problem'
import { Skeleton } from '@/ui/state'

type Provider = 'configured' | 'absent'

/**
 * Finds out whether a provider is configured: then the sign-in answers with a redirect,
 * which is not followed. Its cookie is not taken either: it would end a sign-in that is
 * under way in another tab.
 */
async function findProvider(): Promise<Provider> {
  const request = { method: 'GET', path: '/api/auth/google' }
  let response: Response
  try {
    response = await fetch(request.path, { redirect: 'manual', credentials: 'omit' })
  } catch (error) {
    throw new NetworkError(request, error)
  }
  if (response.type === 'opaqueredirect') return 'configured'
  if (response.status === 404) return 'absent'
  throw await problemOf(response, request)
}

export function Component() {
  const [params] = useSearchParams()
  const returnTo = localPath(params.get('return_to') ?? '/')
  const me = useApi('/api/auth/me')
  const provider = useQuery({ queryKey: ['provider'], queryFn: findProvider, retry: 1 })
  useEffect(() => {
    document.title = 'Sign in · Patron'
  }, [])

  if (me.data) return <Navigate to={returnTo} replace />
  const unreachable =
    me.error && !(me.error instanceof ApiError && me.error.status === 401)
      ? me.error
      : null
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center px-4 py-8">
      <div className="w-full max-w-sm rounded-lg border border-line bg-surface p-6">
        <div className="mb-5 flex items-center gap-2.5">
          <Logo />
          <h1 className="text-xl font-semibold">Sign in to Patron</h1>
        </div>
        {unreachable || provider.error ? (
          <Problem
            error={unreachable ?? provider.error}
            onRetry={() => {
              void me.refetch()
              void provider.refetch()
            }}
          />
        ) : provider.data === 'configured' ? (
          <>
            <a
              href={signInLink(returnTo)}
              className="flex h-10 items-center justify-center rounded-md bg-accent px-4 font-medium text-on-accent hover:bg-accent-hover touch:h-11"
            >
              Continue with your provider
            </a>
            <p className="mt-4 text-sm text-muted">
              You get access if your address or its domain is admitted. An admin can
              change your role later.
            </p>
          </>
        ) : provider.data === 'absent' ? (
          <div className="flex flex-col gap-3">
            <p>
              This server has no sign-in provider. On this machine, open the one-time link
              that <code className="font-mono text-sm">patron up</code> printed on its
              terminal:
            </p>
            <CodeBlock
              label="Form of the link"
              copy={false}
              wrap
              text="http://…/api/auth/local?token=…"
            />
            <p className="text-sm text-muted">
              The link works once. A restart of the server prints another. To let other
              people in, configure a provider; the documentation of the configuration says
              how.
            </p>
          </div>
        ) : (
          <Skeleton className="h-10 w-full" />
        )}
      </div>
    </main>
  )
}
