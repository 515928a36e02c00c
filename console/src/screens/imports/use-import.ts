/** One import, kept current while it runs. */
import { useQueryClient } from '@tanstack/react-query'
import { useCallback } from 'react'
import { api, call } from '@/api/client'
import { pathOf } from '@/api/curl'
import { useApi, useInvalidate } from '@/api/query'
import { useFollower } from '@/api/use-follower'
import type { Import } from './types'

/** Path of an import in the API, and its key in the cache. */
export const IMPORT = '/api/imports/{id}'

/** Key of the position at which this tab has started a run. */
export function startedKey(id: string): unknown[] {
  return ['position of the run', id]
}

export function importPath(id: string, step?: string): string {
  const path = `/imports/${encodeURIComponent(id)}`
  return step ? `${path}?step=${step}` : path
}

/** Path of something of an import in the API. */
export function apiPath(id: string, part = ''): string {
  return `/api/imports/${encodeURIComponent(id)}${part}`
}

/** Changes the import in the cache, without a read. */
export function useSetImport(id: string) {
  const client = useQueryClient()
  return useCallback(
    (change: Partial<Import>) =>
      client.setQueryData<Import>(
        [IMPORT, { path: { id } }],
        (known) => known && { ...known, ...change },
      ),
    [client, id],
  )
}

export function useImport(id: string) {
  const setImport = useSetImport(id)
  const invalidate = useInvalidate()
  const after = useQueryClient().getQueryData<string | null>(startedKey(id))
  const query = useApi(IMPORT, { params: { path: { id } } })
  const isRunning = query.data?.status === 'running'
  const { connection } = useFollower<Import>(
    isRunning
      ? {
          // Without the position, a view that lags would end the stream at once.
          url: pathOf(apiPath(id, '/events'), { after }),
          parse: (data) => JSON.parse(data) as Import,
          poll: async (signal) => {
            const value = await call(
              api.GET(IMPORT, { params: { path: { id } }, signal }),
            )
            return { value, ended: value.status !== 'running' }
          },
          onValue: (value) => {
            setImport(value)
            // The run has changed what other screens show.
            if (value.status !== 'running') {
              void invalidate('/api/imports', '/api/customers', '/api/reports')
            }
          },
        }
      : null,
  )
  return { ...query, connection: isRunning ? connection : ('ended' as const) }
}
