import { useMemo } from 'react'
import { useApi } from '@/api/query'
import { count } from '@/format'
import { None } from '@/ui/page'
import { TextLink } from '@/ui/link'

/** Names of the latest campaigns by id: those that can still hold a segment. */
export function useCampaignNames(): Map<string, string> {
  const params = { query: { limit: 500 } }
  const { data } = useApi('/api/campaigns', { params }, { staleTime: 30_000 })
  return useMemo(
    () => new Map(data?.items.map(({ campaign_id, name }) => [campaign_id, name]) ?? []),
    [data],
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

/** All campaigns that hold a segment. */
export function HolderList({ ids }: { ids: readonly string[] }) {
  const names = useCampaignNames()
  if (ids.length === 0) {
    return <p className="text-muted">No campaign holds this segment.</p>
  }
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
