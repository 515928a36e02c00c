/** One campaign, kept current while it is under way. */
import { useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useRef } from 'react'
import { api, call } from '@/api/client'
import { useApi, useInvalidate } from '@/api/query'
import { type Connection, useFollower } from '@/api/use-follower'
import { isAwaited, useRequestedLaunch, useSetRequestedLaunch } from './requested-launch'
import { hasEnded, isSettled, isUnderWay } from './transitions'
import type { Campaign, Progress } from './types'

const PATH = '/api/campaigns/{id}'

/** Milliseconds between reads of what the event stream does not have, such as a reason to wait. */
const WHILE_UNDER_WAY = 10_000
const WHILE_SCHEDULED = 5_000
const WHILE_SETTLING = 1_000

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
  const launch = useRequestedLaunch(id)
  const awaits = known !== undefined && isAwaited(launch, known)
  const query = useApi(
    PATH,
    { params: { path: { id } } },
    { refetchInterval: awaits ? WHILE_SETTLING : pauseAfter(known) },
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
  useFinalRead(id, campaign)
  useEndOfLaunch(id, campaign)
  const data =
    campaign && isAwaited(launch, campaign)
      ? { ...campaign, status: launch.to }
      : campaign
  return { ...query, data, connection: connectionOf(campaign, followed.connection) }
}

/** Forgets a requested launch once a read shows it. */
function useEndOfLaunch(id: string, campaign: Campaign | undefined) {
  const launch = useRequestedLaunch(id)
  const setLaunch = useSetRequestedLaunch()
  const isShown = launch !== null && campaign && !isAwaited(launch, campaign)
  useEffect(() => {
    if (isShown) setLaunch(id, null)
  }, [isShown, id, setLaunch])
}

/** Reads the messages again once nothing changes any more. */
function useFinalRead(id: string, campaign: Campaign | undefined) {
  const invalidate = useInvalidate()
  const settled = campaign && isSettled(campaign)
  const wasOpen = useRef(false)
  useEffect(() => {
    if (settled && wasOpen.current) void invalidate(`/api/campaigns/${id}`)
    wasOpen.current = settled === false
  }, [settled, id, invalidate])
}

function connectionOf(campaign: Campaign | undefined, followed: Connection): Connection {
  return campaign && !isUnderWay(campaign.status) ? 'ended' : followed
}

function pauseAfter(campaign: Campaign | undefined): number | false {
  if (!campaign) return false
  if (campaign.status === 'scheduled') return WHILE_SCHEDULED
  if (hasEnded(campaign.status)) return isSettled(campaign) ? false : WHILE_SETTLING
  return isUnderWay(campaign.status) ? WHILE_UNDER_WAY : false
}
