import { useState } from 'react'
import { useApi } from '@/api/query'
import { useCurrency } from '@/api/use-currency'
import type { Schemas } from '@/api/client'
import { Button } from '@/ui/button'
import { Badge } from '@/ui/badge'
import { CopyCurl } from '@/ui/copy'
import { Field } from '@/ui/form'
import { Input } from '@/ui/input'
import { TextLink } from '@/ui/link'
import { Card } from '@/ui/page'
import { EmptyState, Read } from '@/ui/state'
import { Time } from '@/ui/time'
import { VerdictTree } from '@/ui/verdict-tree'
import { useQueryParam } from '@/url/use-query-param'
import { CustomerSuggestions } from './customer-suggestions'
import type { Segment } from './edit-state'

type Explanation = Schemas['Explanation']

/** Why a customer is in the segment, or is not. */
export function ExplainTab({ segment }: { segment: Segment }) {
  const [customerId, setCustomerId] = useQueryParam('customer_id')
  const [typed, setTyped] = useState(customerId)
  const explain = () => setCustomerId(typed.trim() || null, { push: true })
  return (
    <div className="flex flex-col gap-4">
      <form
        className="flex flex-wrap items-end gap-2"
        onSubmit={(event) => {
          event.preventDefault()
          explain()
        }}
      >
        <Field
          label="Customer"
          hint="Id, or the start of a name or email address"
          className="w-80"
        >
          <Input
            value={typed}
            list="explain-customers"
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
        </Field>
        <CustomerSuggestions id="explain-customers" typed={typed} />
        <span className="pb-5.5">
          <Button type="submit" kind="primary">
            Explain
          </Button>
        </span>
      </form>
      {customerId ? (
        <Verdict segment={segment} customerId={customerId} />
      ) : (
        <EmptyState icon="search" title="Choose a customer">
          You see for each rule whether the customer matches it, and the value that
          decided.
        </EmptyState>
      )}
    </div>
  )
}

function Verdict({ segment, customerId }: { segment: Segment; customerId: string }) {
  const id = segment.segment_id
  const params = { path: { id }, query: { customer_id: customerId } }
  const query = useApi('/api/segments/{id}/explain', { params })
  return (
    <Card
      title={<CustomerName id={customerId} />}
      actions={
        <CopyCurl
          path={`/api/segments/${id}/explain`}
          query={{ customer_id: customerId }}
        />
      }
    >
      <Read query={query}>
        {(explanation) => <Explained segment={segment} explanation={explanation} />}
      </Read>
    </Card>
  )
}

function CustomerName({ id }: { id: string }) {
  const { data } = useApi('/api/customers/{id}', { params: { path: { id } } })
  const name = data?.name
  return (
    <>
      <TextLink to={`/customers/${encodeURIComponent(id)}`}>{name ?? id}</TextLink>
      {name && <span className="font-normal text-muted"> {id}</span>}
    </>
  )
}

function Explained({
  segment,
  explanation,
}: {
  segment: Segment
  explanation: Explanation
}) {
  const currency = useCurrency()
  return (
    <>
      <p className="mb-3 flex flex-wrap items-center gap-2">
        <Badge color={explanation.matches ? 'good' : 'neutral'}>
          {explanation.matches ? 'In the segment' : 'Not in the segment'}
        </Badge>
        <span className="text-sm text-muted">
          as of <Time at={explanation.as_of} />
        </span>
      </p>
      <VerdictTree
        verdicts={explanation.rules}
        rules={segment.rules}
        currency={currency}
      />
    </>
  )
}
