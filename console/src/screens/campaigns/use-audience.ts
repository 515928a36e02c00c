/** How many customers the audience has, and some of them. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { api, call, type Schemas } from '@/api/client'
import { useApi } from '@/api/query'
import { audienceOf, type DraftForm, type Rules } from './content'

/** The rules of an audience; `undefined` while they are unknown. */
function useAudienceRules(form: DraftForm): {
  rules: Rules | undefined
  error: unknown
} {
  const audience = audienceOf(form)
  const segmentId = audience && 'segment_id' in audience ? audience.segment_id : ''
  const segment = useApi(
    '/api/segments/{id}',
    { params: { path: { id: segmentId } } },
    { enabled: segmentId !== '' },
  )
  if (!audience) return { rules: undefined, error: null }
  if ('rules' in audience) return { rules: audience.rules, error: null }
  return { rules: segment.data?.text, error: segment.error }
}

/** Counts the audience now, with a few of its customers. */
export function useAudience(form: DraftForm, sample = 0) {
  const { rules, error } = useAudienceRules(form)
  const query = usePreview(rules, sample)
  return { ...query, error: error ?? query.error }
}

/** Counts the customers who match rules. */
export function usePreview(rules: Rules | undefined, sample: number) {
  return useQuery<Schemas['Preview'], Error>({
    queryKey: ['/api/segments/preview', rules ?? null, sample],
    queryFn: async ({ signal }) => {
      const body = { rules: rules ?? '', sample }
      const preview = await call(api.POST('/api/segments/preview', { body, signal }))
      // Only a preview of the past becomes a job.
      return preview as Schemas['Preview']
    },
    enabled: rules !== undefined,
    staleTime: 10_000,
    placeholderData: keepPreviousData,
  })
}
