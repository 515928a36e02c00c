/** What a run would do, read once for each way to read the file. */
import { queryOptions } from '@tanstack/react-query'
import { api, call } from '@/api/client'
import type { ImportRunIn } from './types'

export function previewQuery(id: string, body: ImportRunIn) {
  return queryOptions({
    queryKey: ['/api/imports/{id}/preview', id, body],
    queryFn: ({ signal }) => {
      const params = { path: { id } }
      return call(api.POST('/api/imports/{id}/preview', { params, body, signal }))
    },
    // The file does not change.
    staleTime: Infinity,
    retry: false,
  })
}
