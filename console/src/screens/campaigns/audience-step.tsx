import { lazy, Suspense, useState } from 'react'
import type { Schemas } from '@/api/client'
import { useApiList } from '@/api/query'
import { count, number, percent } from '@/format'
import { TextLink } from '@/ui/link'
import { cx } from '@/ui/cx'
import { Field, useFieldErrors } from '@/ui/form'
import { Input, RadioGroup, SearchInput } from '@/ui/input'
import { Card, None } from '@/ui/page'
import { Loading, Read } from '@/ui/state'
import { LoadMore } from '@/ui/table'
import { type DraftForm, faultsOf, type Rules } from './content'

// The builder is large, and many campaigns use a segment.
const RuleEditor = lazy(() =>
  import('../segments/builder/rule-editor').then((module) => ({
    default: module.RuleEditor,
  })),
)

export function AudienceStep({
  form,
  onChange,
  showFaults = false,
}: {
  form: DraftForm
  onChange: (change: Partial<DraftForm>) => void
  /** Says what is missing, also before anything was typed. */
  showFaults?: boolean
}) {
  const faults = faultsOf(form)
  return (
    <>
      <Card title="Campaign">
        <div className="grid gap-4 md:grid-cols-2">
          <Field
            label="Name"
            pointer="/name"
            error={showFaults ? faults.name : null}
            hint="Only your team sees it."
          >
            <Input
              value={form.name}
              onChange={(event) => onChange({ name: event.target.value })}
              autoFocus={!form.name}
            />
          </Field>
          <Field
            label="Tags"
            optional
            pointer="/tags"
            hint="Separated by commas, such as: spring, vip"
          >
            <Input
              value={form.tags}
              onChange={(event) => onChange({ tags: event.target.value })}
            />
          </Field>
        </div>
      </Card>
      <Card title="Who gets it">
        <div className="flex flex-col gap-4">
          <RadioGroup
            label="Audience"
            hideLabel
            inline
            value={form.audience}
            onChange={(audience) => onChange({ audience })}
            choices={[
              { value: 'segment', label: 'A segment' },
              { value: 'rules', label: 'Rules of its own' },
            ]}
          />
          {form.audience === 'segment' ? (
            <SegmentChoice
              value={form.segmentId}
              onChange={(segmentId) => onChange({ segmentId })}
              fault={showFaults ? faults.audience : undefined}
            />
          ) : (
            <p className="text-sm text-muted">
              The launch fixes the recipients: every customer who matches the rules at
              that moment.
            </p>
          )}
        </div>
      </Card>
      {form.audience === 'rules' && (
        <Suspense fallback={<Loading />}>
          <RuleEditor
            value={form.rules as string}
            onChange={(rules) => onChange({ rules: rules as Rules })}
          />
        </Suspense>
      )}
    </>
  )
}

function SegmentChoice({
  value,
  onChange,
  fault,
}: {
  value: string
  onChange: (id: string) => void
  fault?: string
}) {
  const [text, setText] = useState('')
  const list = useApiList('/api/segments', { params: { query: { limit: 500 } } })
  const errors = [...(fault ? [fault] : []), ...useFieldErrors('/segment_id')]
  const words = text.toLowerCase().split(/\s+/)
  const shown = (list.items ?? []).filter((segment) =>
    words.every((word) => segment.name.toLowerCase().includes(word)),
  )
  return (
    <div className="flex flex-col gap-2">
      {errors.map((detail) => (
        <p key={detail} role="alert" className="text-sm text-bad">
          {detail}
        </p>
      ))}
      <Read query={{ ...list, data: list.items }}>
        {(all) =>
          all.length === 0 ? (
            <p className="text-muted">
              There are no segments yet.{' '}
              <TextLink to="/segments/new">Create a segment</TextLink>, or write rules for
              this campaign.
            </p>
          ) : (
            <>
              {all.length > 8 && (
                <SearchInput
                  label="Search segments"
                  value={text}
                  onChange={setText}
                  pause={0}
                  className="max-w-sm"
                />
              )}
              <fieldset className="max-h-96 overflow-y-auto rounded-md border border-line">
                <legend className="sr-only">Segment</legend>
                {shown.map((segment) => (
                  <SegmentRow
                    key={segment.segment_id}
                    segment={segment}
                    isChosen={segment.segment_id === value}
                    onChoose={() => onChange(segment.segment_id)}
                  />
                ))}
                {shown.length === 0 && (
                  <p className="px-3 py-4 text-muted">No segment matches the search.</p>
                )}
                <LoadMore query={list} label="Older segments" />
              </fieldset>
            </>
          )
        }
      </Read>
    </div>
  )
}

function SegmentRow({
  segment,
  isChosen,
  onChoose,
}: {
  segment: Schemas['Segment']
  isChosen: boolean
  onChoose: () => void
}) {
  const { audience } = segment
  return (
    <label
      className={cx(
        'flex cursor-pointer items-start gap-3 border-b border-line px-3 py-2.5 last:border-0',
        isChosen ? 'bg-accent-soft' : 'hover:bg-hover',
      )}
    >
      <input
        type="radio"
        name="segment"
        checked={isChosen}
        onChange={onChoose}
        className="mt-0.5 size-4 shrink-0 accent-accent"
      />
      <span className="min-w-0 grow">
        <span className="font-medium wrap-anywhere">{segment.name}</span>
        <span className="block text-sm text-muted wrap-anywhere">
          {segment.description || segment.text}
        </span>
      </span>
      <span className="shrink-0 text-right">
        {audience ? (
          <>
            {number(audience.count)}
            <span className="sr-only">
              {' '}
              of {count(audience.total_customers, 'customer')}
            </span>
            <span className="block text-sm text-muted">
              {percent(audience.count, audience.total_customers)}
            </span>
          </>
        ) : (
          <None text="not counted yet" />
        )}
      </span>
    </label>
  )
}
