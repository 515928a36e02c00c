import { useMutation, useQueryClient } from '@tanstack/react-query'
import { api, callWithResponse } from '@/api/client'
import { useInvalidate } from '@/api/query'
import type { Import, ImportRunIn } from './types'
import { startedKey, useSetImport } from './use-import'

/** Starts or continues a run. */
export function useRun({ import_id: id }: Import, onStarted: () => void) {
  const client = useQueryClient()
  const setImport = useSetImport(id)
  const invalidate = useInvalidate()
  return useMutation({
    mutationFn: (body: ImportRunIn) =>
      callWithResponse(
        api.POST('/api/imports/{id}/run', { params: { path: { id } }, body }),
      ),
    onSuccess: ({ data, response }) => {
      client.setQueryData(startedKey(id), response.headers.get('patron-position'))
      // What the last run came to says nothing about this one.
      setImport({ status: data.status, reason: null, waiting_for: null, ended_at: null })
      // Not the import itself: a view that lags would show the end of the last run.
      void client.invalidateQueries({ queryKey: ['/api/imports'] })
      onStarted()
    },
    // The import is not what the screen showed.
    onError: () => void invalidate('/api/imports'),
  })
}
