import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { api, call, type Schemas } from '@/api/client'
import { audienceOf, type DraftForm } from './content'
import { useDebounced } from './use-debounced'

/** The message as customers of the audience would get it, following what is typed. */
export function useMessagePreview(form: DraftForm, sample: number) {
  const request = { template: form.template, audience: audienceOf(form), sample }
  const settled = useDebounced(request)
  const { template, audience } = settled
  const query = useQuery<Schemas['CampaignPreview'], Error>({
    // Not below the path of campaigns: saving the draft does not change the preview.
    queryKey: ['preview of a message', settled],
    queryFn: ({ signal }) => {
      const body = { ...audience, message: { template }, sample: settled.sample }
      // The audience is either a segment or rules, as the form is.
      return call(api.POST('/api/campaigns/preview', { body: body as never, signal }))
    },
    enabled: audience !== null && template !== '',
    staleTime: 10_000,
    placeholderData: keepPreviousData,
  })
  const isBehind = JSON.stringify(request) !== JSON.stringify(settled)
  return {
    ...query,
    body: { ...request.audience, message: { template: form.template }, sample },
    isBehind: isBehind || query.isFetching || query.isPlaceholderData,
  }
}
