/** Columns of a table, as they are with the separator and encoding of a draft. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { api, call, type Schemas } from '@/api/client'
import { useDebounced } from '@/screens/campaigns/use-debounced'
import { type LayoutDraft } from './layout-draft'
import { tableOptions } from './run-body'
import type { Import, ImportOptions } from './types'

/** Milliseconds after the last change of an option. */
const PAUSE = 400

export function useColumns({ import_id: id }: Import, draft: LayoutDraft) {
  const text = useDebounced(JSON.stringify(tableOptions(draft)), PAUSE)
  return useQuery<Schemas['ImportColumns'], Error>({
    queryKey: ['/api/imports/{id}/columns', id, text],
    queryFn: ({ signal }) => {
      const body = { options: JSON.parse(text) as ImportOptions }
      const params = { path: { id } }
      return call(api.POST('/api/imports/{id}/columns', { params, body, signal }))
    },
    enabled: draft.format === 'csv',
    // The file does not change, and neither does the reason why it cannot be read.
    staleTime: Infinity,
    retry: false,
    retryOnMount: false,
    placeholderData: keepPreviousData,
  })
}
