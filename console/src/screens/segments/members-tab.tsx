import { useApiList } from '@/api/query'
import { count } from '@/format'
import { ButtonLink } from '@/ui/button'
import { CopyCurl } from '@/ui/copy'
import { Card } from '@/ui/page'
import { EmptyState, ErrorState } from '@/ui/state'
import { VirtualTable } from '@/ui/virtual-table'
import { CUSTOMER_COLUMNS, customerKey, customerLink } from './builder/sample-table'
import type { Segment } from './edit-state'

export function MembersTab({ segment }: { segment: Segment }) {
  const id = segment.segment_id
  const params = { path: { id }, query: { limit: 200 } }
  const query = useApiList('/api/segments/{id}/customers', { params })
  if (query.error && !query.items) {
    return <ErrorState error={query.error} onRetry={() => void query.refetch()} />
  }
  return (
    <Card
      flush
      title={segment.audience ? count(segment.audience.count, 'customer') : 'Customers'}
      actions={<CopyCurl path={`/api/segments/${id}/customers`} query={{ limit: 500 }} />}
    >
      <VirtualTable
        label={`Customers in ${segment.name}`}
        columns={CUSTOMER_COLUMNS}
        query={query}
        className="max-h-[calc(100dvh-18rem)]"
        rowKey={customerKey}
        rowLink={customerLink}
        total={segment.audience?.count}
        empty={
          <EmptyState
            icon="customers"
            title="Nobody matches"
            actions={<ButtonLink to={`/segments/${id}`}>Show the rules</ButtonLink>}
          >
            The counts beside the rules show which part excludes everybody.
          </EmptyState>
        }
      />
    </Card>
  )
}
