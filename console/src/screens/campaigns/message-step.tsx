import { useLayoutEffect, useRef } from 'react'
import { number } from '@/format'
import { Field } from '@/ui/form'
import { Textarea } from '@/ui/input'
import { Card } from '@/ui/page'
import { type DraftForm, faultsOf } from './content'
import {
  attributeFields,
  byteLength,
  insertAt,
  MERGE_FIELDS,
  type MergeField,
} from './merge-fields'
import { MessagePreview } from './message-preview'
import { Suggestions } from './suggestions'
import { useAudience } from './use-audience'

const LIMIT = 16_384

export function MessageStep({
  id,
  form,
  onChange,
}: {
  id: string
  form: DraftForm
  onChange: (change: Partial<DraftForm>) => void
}) {
  const audience = useAudience(form, 20)
  const textarea = useRef<HTMLTextAreaElement>(null)
  const caret = useRef<number | null>(null)
  // Until the text was entered once, its caret is at the start, where nobody put it.
  const isEntered = useRef(false)
  const length = byteLength(form.template)

  function insert(field: MergeField) {
    const element = isEntered.current ? textarea.current : null
    const start = element?.selectionStart ?? form.template.length
    const end = element?.selectionEnd ?? start
    const next = insertAt(form.template, start, end, field.snippet)
    caret.current = next.caret
    onChange({ template: next.text })
  }

  // The caret can only be moved once the text is there.
  useLayoutEffect(() => {
    if (caret.current === null) return
    textarea.current?.focus()
    textarea.current?.setSelectionRange(caret.current, caret.current)
    caret.current = null
  }, [form.template])

  return (
    <div className="grid items-start gap-4 lg:grid-cols-2">
      <div className="flex min-w-0 flex-col gap-4">
        <Card title="Message">
          <div className="flex flex-col gap-3">
            <Field
              label="Text"
              pointer="/message"
              error={faultsOf(form).message}
              hint={
                <>
                  Plain text with fields of the customer in braces.{' '}
                  {length > LIMIT / 2 && `${number(length)} of ${number(LIMIT)} bytes.`}
                </>
              }
            >
              <Textarea
                ref={textarea}
                rows={9}
                value={form.template}
                onChange={(event) => onChange({ template: event.target.value })}
                onFocus={() => {
                  isEntered.current = true
                }}
                spellCheck
              />
            </Field>
            <MergeFields label="Insert a field" fields={MERGE_FIELDS} onInsert={insert} />
            <MergeFields
              label="Attributes"
              fields={attributeFields(audience.data?.sample ?? [])}
              onInsert={insert}
            />
            <FilterHint />
          </div>
        </Card>
        <Suggestions
          id={id}
          segmentId={form.audience === 'segment' ? form.segmentId : null}
          current={form.template}
          onUse={(template) => onChange({ template })}
        />
      </div>
      <MessagePreview form={form} />
    </div>
  )
}

/** What can follow a field in the braces. */
function FilterHint() {
  const code = (text: string) => (
    <code className="font-mono whitespace-nowrap">{text}</code>
  )
  return (
    <p className="text-sm text-muted">
      Filters after a {code('|')} change a value: {code('default("there")')} stands in for
      a missing one, {code('upper')}, {code('lower')} and {code('title')} change its
      letters, {code('first')} takes the first of several, and {code('money')} writes an
      amount. A customer without the value gets no message unless there is a default.
    </p>
  )
}

function MergeFields({
  label,
  fields,
  onInsert,
}: {
  label: string
  fields: readonly MergeField[]
  onInsert: (field: MergeField) => void
}) {
  if (fields.length === 0) return null
  return (
    <div role="group" aria-label={label}>
      <p className="mb-1 text-sm text-muted" aria-hidden="true">
        {label}
      </p>
      <div className="flex flex-wrap gap-1.5">
        {fields.map((field) => (
          <button
            key={field.snippet}
            type="button"
            title={field.snippet}
            onClick={() => onInsert(field)}
            className="rounded border border-line bg-sunken px-2 py-0.5 text-sm hover:border-line-strong touch:min-h-11 touch:px-3"
          >
            {field.label}
          </button>
        ))}
      </div>
    </div>
  )
}
