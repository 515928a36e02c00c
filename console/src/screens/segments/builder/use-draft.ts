import { useCallback, useLayoutEffect, useRef, useState } from 'react'
import { draftOf, type RulesDraft, valueOf } from './draft'
import type { Rules } from './rules'

/** Makes the next draft of the newest one; the same one if there is nothing to change. */
export type DraftEdit = (draft: RulesDraft) => RulesDraft

export interface DraftState {
  draft: RulesDraft
  /** Makes an edit of the newest draft, which may not be on the screen yet. */
  edit: (change: DraftEdit) => void
  /** The newest draft, for an answer that arrives later than it was asked for. */
  newest: () => RulesDraft
}

/** The draft of a value. A value from outside, such as an undone change, replaces it. */
export function useDraft(value: Rules, onChange: (value: Rules) => void): DraftState {
  const [held, setHeld] = useState(() => draftOf(value))
  const draft = sameValue(value, valueOf(held)) ? held : draftOf(value, held.tree)
  if (draft !== held) setHeld(draft)
  // What is on the screen may lag behind: an edit of it would undo the edits since.
  const latest = useRef(draft)
  useLayoutEffect(() => {
    latest.current = draft
  }, [draft])
  const tell = useRef(onChange)
  useLayoutEffect(() => {
    tell.current = onChange
  }, [onChange])
  const edit = useCallback((change: DraftEdit) => {
    const before = latest.current
    const next = change(before)
    if (next === before) return
    latest.current = next
    setHeld(next)
    if (!sameValue(valueOf(next), valueOf(before))) tell.current(valueOf(next))
  }, [])
  return { draft, edit, newest: useCallback(() => latest.current, []) }
}

function sameValue(a: Rules, b: Rules): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
