/** Makes a segment or changes one. */
import { useParams, useSearchParams } from 'react-router'
import { useApi } from '@/api/query'
import { useKept } from '@/app/kept'
import { ButtonLink } from '@/ui/button'
import { PageHeader } from '@/ui/page'
import { EmptyState, Read } from '@/ui/state'
import { EditForm } from './edit-form'
import { editOf, newSegment, type Segment, type SegmentEdit } from './edit-state'

const LIST = { label: 'Segments', to: '/segments' }

export function Component() {
  const { id } = useParams()
  return id ? <ExistingSegment key={id} id={id} /> : <NewSegment />
}

function NewSegment() {
  const [params] = useSearchParams()
  const base = newSegment(params.get('rules') ?? '')
  const [kept, setKept, forget] = useKept<SegmentEdit | null>('segment.new', null)
  return (
    <>
      <PageHeader title="New segment" breadcrumbs={[LIST]} />
      <EditForm
        segment={null}
        base={base}
        edit={kept ?? base}
        onEdit={(part) => setKept((now) => ({ ...(now ?? base), ...part }))}
        onForget={forget}
      />
    </>
  )
}

function ExistingSegment({ id }: { id: string }) {
  const query = useApi('/api/segments/{id}', { params: { path: { id } } })
  const name = query.data?.name ?? 'Segment'
  return (
    <>
      <PageHeader
        title={`Edit ${name}`}
        breadcrumbs={[LIST, { label: name, to: `/segments/${id}` }]}
      />
      <Read query={query} back={LIST}>
        {(segment) =>
          segment.archived_at ? (
            <EmptyState
              icon="segments"
              title="This segment is archived"
              actions={<ButtonLink to={`/segments/${id}`}>Show the segment</ButtonLink>}
            >
              An archived segment can be read, but no longer be changed.
            </EmptyState>
          ) : (
            <KeptEdit segment={segment} />
          )
        }
      </Read>
    </>
  )
}

function KeptEdit({ segment }: { segment: Segment }) {
  const key = `segment.${segment.segment_id}`
  const [kept, setKept, forget] = useKept<SegmentEdit | null>(key, null)
  const base = editOf(segment)
  return (
    <EditForm
      segment={segment}
      base={base}
      edit={kept ?? base}
      onEdit={(part) => setKept((now) => ({ ...(now ?? base), ...part }))}
      onForget={forget}
    />
  )
}
