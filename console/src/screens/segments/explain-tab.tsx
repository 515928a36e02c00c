import { useState } from 'react'
import { useApi } from '@/api/query'
import type { Schemas } from '@/api/client'
import { Button } from '@/ui/button'
import { Badge } from '@/ui/badge'
import { CopyCurl } from '@/ui/copy'
import { Field } from '@/ui/form'
import { Icon } from '@/ui/icon'
import { Input } from '@/ui/input'
import { TextLink } from '@/ui/link'
import { Card } from '@/ui/page'
import { EmptyState, Read } from '@/ui/state'
import { Time } from '@/ui/time'
import { useQueryParam } from '@/url/use-query-param'
import { isGroup, type RuleNode } from './builder/rules'
import { describeFound } from './builder/describe'
import { useVocabulary } from './builder/vocabulary'
import { CustomerSuggestions } from './customer-suggestions'
import type { RuleGroup, Segment } from './edit-state'
import { formatsIn } from './formats'
import { RuleTree } from './rule-tree'

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
      title={
        <TextLink to={`/customers/${encodeURIComponent(customerId)}`}>
          {customerId}
        </TextLink>
      }
      actions={
        <CopyCurl
          path={`/api/segments/${id}/explain`}
          query={{ customer_id: customerId }}
        />
      }
    >
      <Read query={query}>
        {(explanation) => <VerdictTree segment={segment} explanation={explanation} />}
      </Read>
    </Card>
  )
}

function VerdictTree({
  segment,
  explanation,
}: {
  segment: Segment
  explanation: Explanation
}) {
  const { currency } = useVocabulary()
  const formats = formatsIn(currency ?? 'USD')
  const verdicts = new Map(explanation.rules.map((verdict) => [verdict.pointer, verdict]))
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
      <RuleTree
        rules={segment.rules as RuleGroup}
        formats={formats}
        mark={(pointer) => <Mark matches={verdicts.get(pointer)?.matches ?? false} />}
        note={(pointer, node: RuleNode) =>
          isGroup(node) ? null : (
            <span className="text-sm text-muted">
              {describeFound(node.field, verdicts.get(pointer)?.value, formats)}
            </span>
          )
        }
      />
    </>
  )
}

function Mark({ matches }: { matches: boolean }) {
  return (
    <span className={`self-center ${matches ? 'text-good' : 'text-bad'}`}>
      <Icon name={matches ? 'check' : 'close'} />
      <span className="sr-only">{matches ? 'Matches: ' : 'Does not match: '}</span>
    </span>
  )
}
