/** The rules as rows and boxes that can be clicked and operated by keyboard. */
import { useCallback, useEffect, useMemo, useRef } from 'react'
import QueryBuilder, { type RuleGroupType } from 'react-querybuilder'
import type { RuleErrors } from './answer'
import { BuilderContext, type BuilderState } from './context'
import type { FocusTarget } from './edit'
import { GroupBox } from './group-box'
import { RuleRow } from './rule-row'
import type { RuleGroup } from './rules'
import type { TreeEdit } from './tree-edits'
import type { Vocabulary } from './vocabulary'

export interface RuleBuilderProps {
  /** Each node has an id. */
  tree: RuleGroup
  onEdit: (edit: TreeEdit) => void
  counts: Map<string, number>
  errors: RuleErrors
  isStale: boolean
  vocabulary: Vocabulary
  currency: string
}

const CONTROLS = { rule: RuleRow, ruleGroup: GroupBox }

export function RuleBuilder(props: RuleBuilderProps) {
  const { tree, onEdit, counts, errors, isStale, vocabulary, currency } = props
  const box = useRef<HTMLDivElement>(null)
  const focusNext = useFocusAfterChange(box, tree)
  const state = useMemo<BuilderState>(
    () => ({
      tree,
      edit: onEdit,
      counts,
      errors,
      isStale,
      vocabulary,
      currency,
      focusNext,
    }),
    [tree, onEdit, counts, errors, isStale, vocabulary, currency, focusNext],
  )
  return (
    <div
      ref={box}
      onKeyDown={(event) => {
        // Enter in a value must not send a form around the builder.
        if (event.key === 'Enter' && event.target instanceof HTMLInputElement) {
          event.preventDefault()
        }
      }}
    >
      <BuilderContext value={state}>
        {/* Shows the tree and nothing else. Its own copy of the tree follows late, so
            the rows make their edits on the newest tree instead of through it. */}
        <QueryBuilder
          query={tree as RuleGroupType}
          controlElements={CONTROLS}
          enableMountQueryChange={false}
          listsAsArrays
          suppressStandardClassnames
        />
      </BuilderContext>
    </div>
  )
}

/**
 * A row that is added, moved or removed takes the focus with it, so that a keyboard never
 * has to find its way back from the top of the page.
 */
function useFocusAfterChange(
  box: React.RefObject<HTMLDivElement | null>,
  tree: RuleGroup,
): (target: FocusTarget) => void {
  const next = useRef<FocusTarget | null>(null)
  useEffect(() => {
    const target = next.current
    next.current = null
    if (!target || !box.current) return
    const row = box.current.querySelector(
      'id' in target
        ? `[data-id="${CSS.escape(target.id)}"]`
        : `[data-path="${target.path.join('-')}"]`,
    )
    const part = row?.querySelector<HTMLElement>(
      `[data-part="${target.part}"]:not(:disabled)`,
    )
    const fallback = row?.querySelector<HTMLElement>('[data-part]:not(:disabled)')
    ;(part ?? fallback)?.focus()
  }, [box, tree])
  return useCallback((target) => {
    next.current = target
  }, [])
}
