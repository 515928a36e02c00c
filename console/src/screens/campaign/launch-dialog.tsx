/** Asks before a launch, and says how many customers it reaches. */
import { useQuery } from '@tanstack/react-query'
import { api, call, type Schemas } from '@/api/client'
import { count } from '@/format'
import { ConfirmDialog } from '@/ui/dialog'
import { Problem } from '@/ui/problem'
import type { Campaign } from './types'

export function LaunchDialog({
  campaign,
  open,
  onClose,
  onConfirm,
}: {
  campaign: Campaign
  open: boolean
  onClose: () => void
  onConfirm: () => void
}) {
  const audience = useAudience(campaign, open)
  const size = audience.data
  return (
    <ConfirmDialog
      open={open}
      onClose={onClose}
      onConfirm={onConfirm}
      title={`Launch “${campaign.name}”?`}
      confirm={size === undefined ? 'Launch' : `Launch to ${count(size, 'customer')}`}
    >
      <p role="status">
        {size === undefined ? (
          audience.isPending && 'Counting the audience…'
        ) : (
          <>
            <strong className="font-semibold">{count(size, 'customer')}</strong> match
            now.
          </>
        )}
      </p>
      <p>
        The launch fixes the audience: customers in their state at that moment, whatever
        changes later. Customers who opted out or have no address get nothing.
      </p>
      {audience.error && (
        <Problem error={audience.error} onRetry={() => void audience.refetch()}>
          The audience could not be counted. The campaign can be launched all the same.
        </Problem>
      )}
    </ConfirmDialog>
  )
}

/** The number of customers who match now. */
function useAudience(campaign: Campaign, open: boolean) {
  return useQuery<number, Error>({
    queryKey: ['/api/segments/preview', campaign.campaign_id, campaign.version],
    queryFn: async ({ signal }) => {
      const rules = campaign.rules ?? (await segmentRules(campaign.segment_id, signal))
      const body = { rules, sample: 0 }
      const preview = await call(api.POST('/api/segments/preview', { body, signal }))
      // Only a preview of the past may become a job.
      return (preview as Schemas['Preview']).count
    },
    enabled: open,
    // Counted for each question: customers change.
    staleTime: 0,
    gcTime: 0,
  })
}

async function segmentRules(id: string | null | undefined, signal: AbortSignal) {
  const params = { path: { id: id ?? '' } }
  return (await call(api.GET('/api/segments/{id}', { params, signal }))).rules
}
