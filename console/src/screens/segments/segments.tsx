/** All segments with their live counts. */
import { useEffect, useMemo } from 'react'
import { useScreenActions } from '@/app/actions'
import { IfMay, useMay } from '@/app/use-session'
import { useApiList } from '@/api/query'
import { count, number, percent } from '@/format'
import { useNavigate } from 'react-router'
import { Badge } from '@/ui/badge'
import { ButtonLink } from '@/ui/button'
import { CopyCurl } from '@/ui/copy'
import { SearchInput, Segmented } from '@/ui/input'
import { Card, None, PageHeader } from '@/ui/page'
import { Sparkline } from '@/ui/sparkline'
import { EmptyState, ErrorState } from '@/ui/state'
import type { Column } from '@/ui/table'
import { Time } from '@/ui/time'
import { VirtualTable } from '@/ui/virtual-table'
import { useQueryParam } from '@/url/use-query-param'
import type { Segment } from './edit-state'
import { matching, type Shown, SHOWN } from './filter'
import { thinned, useSegmentHistory } from './history'
import { HolderSummary, useCampaignNames } from './holders'

/** Milliseconds between two reads of the counts. */
const REFRESH = 5_000

export function Component() {
  const [q, setQ] = useQueryParam('q')
  const [show, setShow] = useQueryParam('show', 'active')
  const shown: Shown = show === 'archived' || show === 'all' ? show : 'active'
  const query = useAllSegments(shown !== 'active')
  const names = useCampaignNames()
  const columns = useMemo(() => columnsWith(names), [names])
  const items = useMemo(
    () => query.items && matching(query.items, q, shown),
    [query.items, q, shown],
  )
  useNewSegmentAction()
  return (
    <>
      <PageHeader
        title="Segments"
        description="A segment selects customers by rules. Its count follows every change of a customer within seconds."
        actions={
          <IfMay ability="change segments">
            <ButtonLink to="/segments/new" kind="primary" icon="plus">
              New segment
            </ButtonLink>
          </IfMay>
        }
      />
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <SearchInput value={q} onChange={setQ} label="Search by name" className="w-64" />
        <Segmented label="Show" value={shown} onChange={setShow} choices={SHOWN} />
        <span className="ml-auto flex items-center gap-3">
          {items && (
            <span className="text-sm text-muted">{count(items.length, 'segment')}</span>
          )}
          <CopyCurl
            path="/api/segments"
            query={{ archived: shown === 'active' ? null : true }}
          />
        </span>
      </div>
      {query.error && !query.items ? (
        <ErrorState error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <Card flush>
          <VirtualTable
            label="Segments"
            columns={columns}
            query={{ ...query, items }}
            className="max-h-[calc(100dvh-15rem)]"
            rowKey={(segment) => segment.segment_id}
            rowLink={(segment) => `/segments/${segment.segment_id}`}
            empty={<NoSegments isFiltered={q !== '' || shown === 'archived'} />}
          />
        </Card>
      )}
    </>
  )
}

/** The API has no search by name, so all pages are read, and searched here. */
function useAllSegments(archived: boolean) {
  const params = { query: { limit: 500, ...(archived ? { archived } : {}) } }
  const query = useApiList('/api/segments', { params }, { refetchInterval: REFRESH })
  const { hasNextPage, isFetching, fetchNextPage } = query
  useEffect(() => {
    if (hasNextPage && !isFetching) void fetchNextPage()
  }, [hasNextPage, isFetching, fetchNextPage])
  return query
}

function useNewSegmentAction() {
  const navigate = useNavigate()
  const may = useMay('change segments')
  const action = {
    id: 'new-segment',
    label: 'New segment',
    icon: 'plus' as const,
    run: () => void navigate('/segments/new'),
  }
  useScreenActions(may ? [action] : [])
}

function columnsWith(names: Map<string, string>): Column<Segment>[] {
  return [
    {
      id: 'name',
      header: 'Name',
      width: 'minmax(10rem, 2fr)',
      cell: (segment) => (
        <span title={segment.name} className="line-clamp-2 leading-4.5 whitespace-normal">
          {segment.name}
        </span>
      ),
    },
    {
      id: 'rules',
      header: 'Rules',
      width: 'minmax(8rem, 3fr)',
      wideOnly: true,
      cell: (segment) => (
        <code className="font-mono text-xs text-muted" title={segment.text}>
          {segment.text}
        </code>
      ),
    },
    {
      id: 'customers',
      header: 'Customers',
      align: 'end',
      width: '6.5rem',
      cell: (segment) => <Count segment={segment} />,
    },
    {
      id: 'share',
      header: 'Share',
      align: 'end',
      width: '5rem',
      wideOnly: true,
      cell: ({ audience }) =>
        audience ? percent(audience.count, audience.total_customers) : <None />,
    },
    {
      id: 'history',
      header: 'Last 30 days',
      width: '8rem',
      wideOnly: true,
      cell: (segment) => <Course id={segment.segment_id} name={segment.name} />,
    },
    {
      id: 'counted',
      header: 'Counted',
      width: '8.5rem',
      wideOnly: true,
      cell: ({ audience }) => <Time at={audience?.as_of} relative />,
    },
    {
      id: 'used',
      header: 'In use by',
      width: 'minmax(8rem, 1fr)',
      wideOnly: true,
      cell: (segment) => <HolderSummary ids={segment.held_by} names={names} />,
    },
  ]
}

function Count({ segment }: { segment: Segment }) {
  if (segment.archived_at) return <Badge>Archived</Badge>
  if (!segment.audience) return <span className="text-muted">counting…</span>
  return number(segment.audience.count)
}

const THIRTY_DAYS = 30 * 86_400_000

function Course({ id, name }: { id: string; name: string }) {
  // To the hour, so that the same read serves all renderings.
  const since = new Date(Math.floor((Date.now() - THIRTY_DAYS) / 3_600_000) * 3_600_000)
  const { data } = useSegmentHistory(id, since.toISOString())
  if (!data || data.items.length < 2) return <None text="no history yet" />
  return (
    <Sparkline
      values={thinned(data.items, 60)}
      label={`Customers in ${name} over time`}
    />
  )
}

function NoSegments({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) {
    return (
      <EmptyState
        icon="search"
        title="No segment matches"
        actions={<ButtonLink to="/segments">Show all segments</ButtonLink>}
      >
        Try another part of the name, or include archived segments.
      </EmptyState>
    )
  }
  return (
    <EmptyState
      icon="segments"
      title="No segments yet"
      actions={
        <IfMay ability="change segments">
          <ButtonLink to="/segments/new" kind="primary" icon="plus">
            New segment
          </ButtonLink>
        </IfMay>
      }
    >
      Describe customers by what they spend, how often they order, where they live or what
      they do. Campaigns then go to those who match.
    </EmptyState>
  )
}
