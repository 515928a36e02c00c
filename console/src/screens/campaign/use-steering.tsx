/** Changes of a campaign's status, and what the API said about the last one. */
import { useMutation } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { api, call } from '@/api/client'
import { ApiError, isTemporary } from '@/api/error'
import { useInvalidate } from '@/api/query'
import { count } from '@/format'
import { Problem } from '@/ui/problem'
import { toast } from '@/ui/toast'
import { type RequestedLaunch, useSetRequestedLaunch } from './requested-launch'
import type { CampaignAction } from './transitions'
import type { Campaign, CampaignStatus } from './types'
import { useSetCampaign } from './use-campaign'

export type SteeringAction = Extract<
  CampaignAction,
  'launch' | 'pause' | 'resume' | 'retry' | 'cancel'
>

export interface Steering {
  steer: (action: SteeringAction) => void
  /** The action that is on its way. */
  busy: SteeringAction | null
  /** What went wrong with the last action. */
  problem: ReactNode
}

interface Steered {
  status: CampaignStatus | null
  said: string
  launch?: RequestedLaunch
}

export function useSteering(campaign: Campaign): Steering {
  const setCampaign = useSetCampaign(campaign.campaign_id)
  const setLaunch = useSetRequestedLaunch()
  const invalidate = useInvalidate()
  const { mutate, isPending, variables, error } = useMutation({
    mutationFn: (action: SteeringAction) => steer(campaign, action),
    onSuccess: ({ status, said, launch }) => {
      if (status) setCampaign({ status })
      if (launch) setLaunch(campaign.campaign_id, launch)
      toast(said)
    },
    // After a refusal, too: the campaign is not what the screen showed.
    onSettled: () => void invalidate('/api/campaigns'),
  })
  const retry = isTemporary(error) && variables ? () => mutate(variables) : undefined
  return {
    steer: mutate,
    busy: isPending ? variables : null,
    problem: error && (
      <Problem error={error} onRetry={retry}>
        {error instanceof ApiError && error.status === 409
          ? 'Somebody or something else changed the campaign. It is shown as it is now.'
          : null}
      </Problem>
    ),
  }
}

async function steer(campaign: Campaign, action: SteeringAction): Promise<Steered> {
  const path = { id: campaign.campaign_id }
  switch (action) {
    case 'launch': {
      // The same launch sent twice, because the first answer was lost, is one launch.
      const header = { 'Idempotency-Key': `${campaign.campaign_id}-${campaign.version}` }
      const params = { path, header }
      const { status } = await call(api.POST('/api/campaigns/{id}/launch', { params }))
      const launch = { from: campaign.status, to: status }
      const said = status === 'scheduled' ? 'Scheduled' : 'Launched'
      return { status: null, said, launch }
    }
    case 'pause': {
      const { status } = await call(
        api.POST('/api/campaigns/{id}/pause', { params: { path } }),
      )
      return { status, said: 'Paused' }
    }
    case 'resume': {
      const { status } = await call(
        api.POST('/api/campaigns/{id}/resume', { params: { path } }),
      )
      return { status, said: 'Resumed' }
    }
    case 'cancel': {
      const { status } = await call(
        api.POST('/api/campaigns/{id}/cancel', { params: { path } }),
      )
      return { status, said: 'Canceled' }
    }
    case 'retry': {
      const { requeued } = await call(
        api.POST('/api/campaigns/{id}/retry', { params: { path } }),
      )
      return { status: null, said: `${count(requeued, 'message')} queued again` }
    }
  }
}
