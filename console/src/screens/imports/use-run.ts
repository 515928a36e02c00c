import { useMutation } from '@tanstack/react-query'
import { api, call } from '@/api/client'
import { useInvalidate } from '@/api/query'
import type { Import, ImportRunIn } from './types'
import { useSetImport } from './use-import'

/** Starts or continues a run. */
export function useRun({ import_id: id }: Import, onStarted: () => void) {
  const setImport = useSetImport(id)
  const invalidate = useInvalidate()
  return useMutation({
    mutationFn: (body: ImportRunIn) =>
      call(api.POST('/api/imports/{id}/run', { params: { path: { id } }, body })),
    onSuccess: ({ status }) => {
      // What the last run came to says nothing about this one.
      setImport({ status, reason: null, waiting_for: null, ended_at: null })
      onStarted()
    },
    // After a refusal, too: the import is not what the screen showed.
    onSettled: () => void invalidate('/api/imports'),
  })
}
