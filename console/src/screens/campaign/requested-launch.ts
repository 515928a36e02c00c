/** A launch that the API took, until its reads show it: views follow the log a moment later. */
import { skipToken, useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback } from 'react'
import type { Campaign, CampaignStatus } from './types'

export interface RequestedLaunch {
  /** The campaign's status before the launch. */
  from: CampaignStatus
  /** The status that the launch leads to. */
  to: CampaignStatus
}

const keyOf = (id: string) => ['requested launch', id]

/** Remembers a launch; `null` forgets it. */
export function useSetRequestedLaunch() {
  const client = useQueryClient()
  return useCallback(
    (id: string, launch: RequestedLaunch | null) => {
      client.setQueryData<RequestedLaunch | null>(keyOf(id), launch)
    },
    [client],
  )
}

export function useRequestedLaunch(id: string): RequestedLaunch | null {
  const { data } = useQuery<RequestedLaunch | null>({
    queryKey: keyOf(id),
    queryFn: skipToken,
  })
  return data ?? null
}

/** The status that a launch of the campaign leads to. */
export function launchedStatus({
  status,
  scheduled_at,
}: Pick<Campaign, 'status' | 'scheduled_at'>): CampaignStatus {
  return status === 'draft' && scheduled_at ? 'scheduled' : 'launching'
}

/** Returns whether a read of the campaign does not show the launch yet. */
export function isAwaited(
  launch: RequestedLaunch | null,
  { status }: Pick<Campaign, 'status'>,
): launch is RequestedLaunch {
  return launch?.from === status
}
