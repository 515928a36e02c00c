/**
 * Rules in three forms that stay in step: rows, text and plain words, with live counts.
 * The value is what the API takes as `rules`: the text as it was typed, or a tree.
 */
import { type ReactNode, useMemo, useState } from 'react'
import type { FieldError } from '@/api/error'
import { Card } from '@/ui/page'
import { IfMay } from '@/app/use-session'
import { useFieldErrors } from '@/ui/form'
import { mergedErrors, ruleErrors } from './answer'
import { CountLine } from './count-line'
import {
  draftOf,
  draftOfText,
  draftOfTree,
  type RulesDraft,
  sameRules,
  valueOf,
} from './draft'
import { useRulePreview } from './preview'
import { RuleBuilder } from './rule-builder'
import type { Rules } from './rules'
import { SampleTable } from './sample-table'
import { TextPane } from './text-pane'
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
  const [draft, change] = useDraft(value, onChange)
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
              onChange={(tree) => change(draftOfTree(tree))}
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
              onChange={(text) => change(draftOfText(text, draft.tree))}
              errors={errors}
              isLead={draft.lead === 'text'}
            />
          </Card>
          <IfMay ability="use help in plain words">
            <Card>
              <WordsPane
                prompt={words.prompt ?? ownPrompt}
                onPrompt={words.onPrompt ?? setOwnPrompt}
                onRules={(text) => change(draftOfText(text, draft.tree))}
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

/** The draft of a value. A value from outside, such as an undone change, replaces it. */
function useDraft(
  value: Rules,
  onChange: (value: Rules) => void,
): [RulesDraft, (draft: RulesDraft) => void] {
  const [draft, setDraft] = useState(() => draftOf(value))
  const current = sameValue(value, valueOf(draft)) ? draft : draftOf(value, draft.tree)
  if (current !== draft) setDraft(current)
  return [
    current,
    (next) => {
      // The builder also tells of ids that it gave to rows; those change no rules.
      const isEdit = next.lead === 'text' || !sameRules(next.tree, current.tree)
      if (!isEdit && current.lead === 'tree') return setDraft(next)
      if (!isEdit) return
      setDraft(next)
      onChange(valueOf(next))
    },
  ]
}

function sameValue(a: Rules, b: Rules): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
