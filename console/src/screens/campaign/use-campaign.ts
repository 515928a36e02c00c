/** One campaign, kept current while it is under way. */
import { useQueryClient } from '@tanstack/react-query'
import { useCallback } from 'react'
import { api, call } from '@/api/client'
import { useApi, useInvalidate } from '@/api/query'
import { type Connection, useFollower } from '@/api/use-follower'
import { hasEnded, isUnderWay } from './transitions'
import type { Campaign, Progress } from './types'

const PATH = '/api/campaigns/{id}'

/** Milliseconds between reads of what the event stream does not have, such as a reason to wait. */
const WHILE_UNDER_WAY = 10_000
const WHILE_SCHEDULED = 5_000

/** Changes the campaign in the cache, without a read. */
export function useSetCampaign(id: string) {
  const client = useQueryClient()
  return useCallback(
    (change: Partial<Campaign>) =>
      client.setQueryData<Campaign>(
        [PATH, { path: { id } }],
        (campaign) => campaign && { ...campaign, ...change },
      ),
    [client, id],
  )
}

export function useCampaign(id: string) {
  const setCampaign = useSetCampaign(id)
  const invalidate = useInvalidate()
  const known = useQueryClient().getQueryData<Campaign>([PATH, { path: { id } }])
  const query = useApi(
    PATH,
    { params: { path: { id } } },
    { refetchInterval: pauseAfter(known?.status) },
  )
  const campaign = query.data
  const followed = useFollower<Progress>(
    campaign && isUnderWay(campaign.status)
      ? {
          url: `/api/campaigns/${encodeURIComponent(id)}/progress`,
          parse: (data) => JSON.parse(data) as Progress,
          poll: async (signal) => {
            const value = await call(api.GET(PATH, { params: { path: { id } }, signal }))
            return { value, ended: hasEnded(value.status) }
          },
          onValue: ({ status, statistics }) => {
            setCampaign({ status, statistics })
            // The rest of the campaign changes with its status: the size of the
            // audience, the time of its end, the reason to wait.
            if (status !== campaign.status) void invalidate(`/api/campaigns/${id}`)
          },
        }
      : null,
  )
  return { ...query, connection: connectionOf(campaign, followed.connection) }
}

function connectionOf(campaign: Campaign | undefined, followed: Connection): Connection {
  return campaign && !isUnderWay(campaign.status) ? 'ended' : followed
}

function pauseAfter(status: Campaign['status'] | undefined): number | false {
  if (!status) return false
  if (status === 'scheduled') return WHILE_SCHEDULED
  return isUnderWay(status) ? WHILE_UNDER_WAY : false
}
