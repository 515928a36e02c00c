import { useMemo } from 'react'
import type { Schemas } from '@/api/client'
import { useApi } from '@/api/query'
import { count } from '@/format'
import { Badge, CampaignStatusBadge } from '@/ui/badge'
import { None } from '@/ui/page'
import { TextLink } from '@/ui/link'
import type { Segment } from './edit-state'

type Campaign = Schemas['Campaign']

/** The latest campaigns: those that can still hold a segment are among them. */
function useCampaigns(): readonly Campaign[] {
  const params = { query: { limit: 500 } }
  const { data } = useApi('/api/campaigns', { params }, { staleTime: 10_000 })
  return data?.items ?? NONE
}

const NONE: readonly Campaign[] = []

/** Names of the latest campaigns by id. */
export function useCampaignNames(): Map<string, string> {
  const campaigns = useCampaigns()
  return useMemo(
    () => new Map(campaigns.map(({ campaign_id, name }) => [campaign_id, name])),
    [campaigns],
  )
}

/** Where a segment is used, in one line of a table. */
export function HolderSummary({
  ids,
  names,
}: {
  ids: readonly string[]
  names: Map<string, string>
}) {
  const [first, ...others] = ids
  if (first === undefined) return <None text="not used" />
  return (
    <span className="inline-flex max-w-full gap-1">
      <TextLink to={`/campaigns/${first}`} className="truncate">
        {names.get(first) ?? first}
      </TextLink>
      {others.length > 0 && (
        <span className="whitespace-nowrap text-muted">
          and {count(others.length, 'other')}
        </span>
      )}
    </span>
  )
}

/** All campaigns that hold a segment, so that it cannot be archived. */
export function HolderList({ ids }: { ids: readonly string[] }) {
  const names = useCampaignNames()
  return (
    <ul className="flex flex-col gap-1.5">
      {ids.map((id) => (
        <li key={id}>
          <TextLink to={`/campaigns/${id}`}>{names.get(id) ?? id}</TextLink>
        </li>
      ))}
    </ul>
  )
}

/** The campaigns of a segment, the latest first, with their status. */
export function CampaignsOf({ segment }: { segment: Segment }) {
  const campaigns = useCampaigns().filter((one) => one.segment_id === segment.segment_id)
  if (campaigns.length === 0 && segment.held_by.length === 0) {
    return <p className="text-muted">No campaign uses this segment.</p>
  }
  const known = new Set(campaigns.map(({ campaign_id }) => campaign_id))
  return (
    <>
      <ul className="flex flex-col">
        {campaigns.map(({ campaign_id, name, status }) => (
          <li
            key={campaign_id}
            className="flex items-center justify-between gap-3 border-b border-line py-1.5 last:border-0"
          >
            <TextLink to={`/campaigns/${campaign_id}`} className="truncate">
              {name}
            </TextLink>
            <span className="flex shrink-0 items-center gap-2">
              {segment.held_by.includes(campaign_id) && (
                <Badge title="The segment cannot be archived before this campaign is launched or canceled">
                  Holds the segment
                </Badge>
              )}
              <CampaignStatusBadge status={status} />
            </span>
          </li>
        ))}
      </ul>
      <HolderList ids={segment.held_by.filter((id) => !known.has(id))} />
    </>
  )
}
