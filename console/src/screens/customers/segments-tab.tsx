import { useApi } from '@/api/query'
import { useQueryParam } from '@/url/use-query-param'
import { Badge } from '@/ui/badge'
import { CopyCurl } from '@/ui/copy'
import { Field } from '@/ui/form'
import { Select } from '@/ui/input'
import { TextLink } from '@/ui/link'
import { Card } from '@/ui/page'
import { EmptyState, Read } from '@/ui/state'
import { VerdictTree } from '@/ui/verdict-tree'
import type { Customer } from './columns'

export function SegmentsTab({ customer }: { customer: Customer }) {
  const id = customer.customer_id
  const segments = useApi('/api/customers/{id}/segments', { params: { path: { id } } })
  return (
    <div className="grid items-start gap-4 lg:grid-cols-2">
      <Card
        title="In these segments now"
        actions={<CopyCurl path={`/api/customers/${encodeURIComponent(id)}/segments`} />}
      >
        <Read query={segments}>
          {({ items }) =>
            items.length === 0 ? (
              <EmptyState icon="segments" title="In no segment">
                Choose a segment to see which condition leaves this customer out.
              </EmptyState>
            ) : (
              <ul className="flex flex-col">
                {items.map((segment) => (
                  <li
                    key={segment.segment_id}
                    className="border-b border-line py-2 last:border-0"
                  >
                    <TextLink to={`/segments/${encodeURIComponent(segment.segment_id)}`}>
                      {segment.name}
                    </TextLink>
                  </li>
                ))}
              </ul>
            )
          }
        </Read>
      </Card>
      <Why customer={customer} />
    </div>
  )
}

function Why({ customer }: { customer: Customer }) {
  const [chosen, setChosen] = useQueryParam('segment')
  const segments = useApi('/api/segments', { params: { query: { limit: 500 } } })
  return (
    <Card title="Why, or why not?">
      <Read query={segments} lines={1}>
        {({ items }) => (
          <Field label="Segment" hideLabel>
            <Select
              className="w-full"
              value={chosen}
              onChange={(event) => setChosen(event.target.value)}
            >
              <option value="">Choose a segment</option>
              {items.map((segment) => (
                <option key={segment.segment_id} value={segment.segment_id}>
                  {segment.name}
                </option>
              ))}
            </Select>
          </Field>
        )}
      </Read>
      {chosen && <Explanation segmentId={chosen} customer={customer} />}
    </Card>
  )
}

function Explanation({ segmentId, customer }: { segmentId: string; customer: Customer }) {
  const params = {
    path: { id: segmentId },
    query: { customer_id: customer.customer_id },
  }
  const explanation = useApi('/api/segments/{id}/explain', { params })
  return (
    <div className="mt-3">
      <Read query={explanation}>
        {({ matches, rules }) => (
          <>
            <p className="mb-2">
              <Badge color={matches ? 'good' : 'neutral'}>
                {matches ? 'In the segment' : 'Not in the segment'}
              </Badge>
            </p>
            <VerdictTree verdicts={rules} currency={customer.currency} />
          </>
        )}
      </Read>
    </div>
  )
}
