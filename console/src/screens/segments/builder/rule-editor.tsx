/**
 * Rules in three forms that stay in step: rows, text and plain words, with live counts.
 * The value is what the API takes as `rules`: the text as it was typed, or a tree.
 */
import { type ReactNode, useCallback, useMemo, useState } from 'react'
import type { FieldError } from '@/api/error'
import { Card } from '@/ui/page'
import { IfMay } from '@/app/use-session'
import { useFieldErrors } from '@/ui/form'
import { mergedErrors, ruleErrors } from './answer'
import { CountLine } from './count-line'
import { draftOfEdit, draftOfText } from './draft'
import { useRulePreview } from './preview'
import { RuleBuilder } from './rule-builder'
import type { Rules } from './rules'
import { SampleTable } from './sample-table'
import { TextPane } from './text-pane'
import type { TreeEdit } from './tree-edits'
import { useDraft } from './use-draft'
import { useVocabulary } from './vocabulary'
import { WordsPane } from './words-pane'

export type { RuleGroup, Rules } from './rules'

export interface RuleEditorProps {
  value: Rules
  onChange: (value: Rules) => void
  /** What was typed in plain words; the editor keeps it itself without this. */
  prompt?: string
  onPrompt?: (prompt: string) => void
  /** A past instant or day to count at; `null` for now. */
  asOf?: string | null
  /** What the API said when the rules were sent, beside what the preview says. */
  faults?: readonly FieldError[]
  /** Shows some of the matching customers. */
  sample?: boolean
  /** Stands beside the count. */
  actions?: ReactNode
}

export function RuleEditor(props: RuleEditorProps) {
  const {
    value,
    onChange,
    asOf = null,
    sample = false,
    actions,
    faults,
    ...words
  } = props
  const { draft, edit, newest } = useDraft(value, onChange)
  const editTree = useCallback(
    (change: TreeEdit) => edit((now) => draftOfEdit(now, change)),
    [edit],
  )
  const setText = (text: string) => edit((now) => draftOfText(text, now.tree))
  const [ownPrompt, setOwnPrompt] = useState('')
  const vocabulary = useVocabulary()
  const live = useRulePreview(value, { asOf })
  const errors = useMemo(
    () => mergedErrors(live.errors, ruleErrors(faults ?? [], draft.text)),
    [live.errors, faults, draft.text],
  )
  // A form around the editor may have told it nothing but the messages.
  const rest = useFieldErrors('/rules')
  const isFaulty = errors.byPointer.size > 0 || errors.ofText.length > 0
  return (
    <div className="flex flex-col gap-4">
      <CountLine live={live} asOf={asOf} actions={actions} />
      {!isFaulty &&
        rest.map((detail) => (
          <p key={detail} role="alert" className="text-sm text-bad">
            {detail}
          </p>
        ))}
      <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1fr)_24rem]">
        <Card title="Builder">
          {!draft.inStep && (
            <p className="mb-2 text-sm text-warn" role="status">
              The text cannot be read yet. The builder follows it as soon as it can.
            </p>
          )}
          <fieldset disabled={!draft.inStep} className="min-w-0">
            <legend className="sr-only">Rules as rows</legend>
            <RuleBuilder
              tree={draft.tree}
              onEdit={editTree}
              counts={draft.inStep ? live.counts : NO_COUNTS}
              errors={errors}
              isStale={live.isStale}
              vocabulary={vocabulary}
              currency={vocabulary.currency ?? 'USD'}
            />
          </fieldset>
        </Card>
        <div className="flex min-w-0 flex-col gap-4">
          <Card title="Text">
            <TextPane
              text={draft.text}
              onChange={setText}
              errors={errors}
              isLead={draft.lead === 'text'}
            />
          </Card>
          <IfMay ability="use help in plain words">
            <Card>
              <WordsPane
                prompt={words.prompt ?? ownPrompt}
                onPrompt={words.onPrompt ?? setOwnPrompt}
                rules={() => newest().text}
                onRules={setText}
              />
            </Card>
          </IfMay>
        </div>
      </div>
      {sample && live.preview && live.preview.sample.length > 0 && (
        <Card title="Some of the matching customers" flush>
          <SampleTable customers={live.preview.sample} />
        </Card>
      )}
    </div>
  )
}

const NO_COUNTS = new Map<string, number>()
