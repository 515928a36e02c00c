/** Columns of the file, as they are with the separator and encoding of a draft. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { api, call, type Schemas } from '@/api/client'
import { useDebounced } from '@/screens/campaigns/use-debounced'
import { type LayoutDraft, tableOptions } from './layout-draft'
import type { Import } from './types'

/** Milliseconds after the last change of an option. */
const PAUSE = 400

export function useColumns(imported: Import, draft: LayoutDraft) {
  const { import_id: id } = imported
  const text = useDebounced(
    JSON.stringify({ format: draft.format, options: tableOptions(draft) }),
    PAUSE,
  )
  return useQuery<Schemas['DetectedLayout'], Error>({
    queryKey: ['/api/imports/{id}/layout', id, text],
    queryFn: ({ signal }) => {
      const body = JSON.parse(text) as Schemas['ImportLayoutIn']
      const params = { path: { id } }
      return call(api.POST('/api/imports/{id}/layout', { params, body, signal }))
    },
    // The file does not change.
    staleTime: Infinity,
    retry: false,
    placeholderData: keepPreviousData,
  })
}
