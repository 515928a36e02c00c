/** One segment: who is in it, why, and where it is used. */
import { useParams } from 'react-router'
import { useApi } from '@/api/query'
import { IfMay } from '@/app/use-session'
import { aggregateKey } from '@/format/aggregate'
import { HistoryLink } from '@/screens/audit/history-link'
import { Badge } from '@/ui/badge'
import { ButtonLink } from '@/ui/button'
import { CopyCurl } from '@/ui/copy'
import { PageHeader, Tabs } from '@/ui/page'
import { EmptyState, Read } from '@/ui/state'
import { ArchiveButton } from './archive-button'
import type { Segment } from './edit-state'
import { ExplainTab } from './explain-tab'
import { MembersTab } from './members-tab'
import { OverviewTab } from './overview-tab'
import { SimilarTab } from './similar-tab'

const LIST = { label: 'Segments', to: '/segments' }

/** Milliseconds between two reads of the count. */
const REFRESH = 5_000

export function Component() {
  const { id = '', tab } = useParams()
  const query = useApi(
    '/api/segments/{id}',
    { params: { path: { id } } },
    { refetchInterval: REFRESH },
  )
  const segment = query.data
  return (
    <>
      <PageHeader
        title={segment?.name ?? 'Segment'}
        breadcrumbs={[LIST]}
        badge={
          segment?.archived_at && <Badge title={segment.archived_at}>Archived</Badge>
        }
        description={segment?.description}
        actions={segment && <Actions segment={segment} />}
      />
      {segment && <SegmentTabs id={id} />}
      <Read query={query} back={LIST}>
        {(data) => <Tab key={id} segment={data} tab={tab} />}
      </Read>
    </>
  )
}

function SegmentTabs({ id }: { id: string }) {
  return (
    <Tabs
      label="Parts of the segment"
      tabs={[
        { label: 'Overview', to: `/segments/${id}` },
        { label: 'Customers', to: `/segments/${id}/customers` },
        { label: 'Explain', to: `/segments/${id}/explain` },
        { label: 'Similar customers', to: `/segments/${id}/similar` },
      ]}
    />
  )
}

function Tab({ segment, tab }: { segment: Segment; tab: string | undefined }) {
  switch (tab) {
    case undefined:
      return <OverviewTab segment={segment} />
    case 'customers':
      return <MembersTab segment={segment} />
    case 'explain':
      return <ExplainTab segment={segment} />
    case 'similar':
      return <SimilarTab segment={segment} />
    default:
      return (
        <EmptyState
          icon="search"
          title="Not found"
          actions={
            <ButtonLink to={`/segments/${segment.segment_id}`}>Overview</ButtonLink>
          }
        >
          A segment has no part of this name.
        </EmptyState>
      )
  }
}

function Actions({ segment }: { segment: Segment }) {
  const id = segment.segment_id
  return (
    <>
      <CopyCurl path={`/api/segments/${id}`} />
      <HistoryLink
        filter={{ aggregate: aggregateKey('segment', id) }}
        label="History of this"
      />
      {!segment.archived_at && (
        <>
          <IfMay ability="change segments">
            <ArchiveButton segment={segment} />
            <ButtonLink to={`/segments/${id}/edit`} icon="edit">
              Edit
            </ButtonLink>
          </IfMay>
          <IfMay ability="change campaigns">
            <ButtonLink
              to={`/campaigns/new?segment=${id}`}
              kind="primary"
              icon="campaigns"
            >
              New campaign
            </ButtonLink>
          </IfMay>
        </>
      )}
    </>
  )
}
