import { createContext, use } from 'react'
import type { RuleErrors } from './answer'
import type { FocusTarget } from './edit'
import type { RuleGroup } from './rules'
import type { TreeEdit } from './tree-edits'
import type { Vocabulary } from './vocabulary'

/** What the rows of the builder need beside their own rule. */
export interface BuilderState {
  /** The rules on the screen. An edit gets the newest ones, which may be others. */
  tree: RuleGroup
  edit: (edit: TreeEdit) => void
  counts: Map<string, number>
  errors: RuleErrors
  /** True while newer counts are on their way. */
  isStale: boolean
  vocabulary: Vocabulary
  currency: string
  /** Moves the focus once the next change of the tree is on the screen. */
  focusNext: (target: FocusTarget) => void
}

export const BuilderContext = createContext<BuilderState | null>(null)

export function useBuilder(): BuilderState {
  const state = use(BuilderContext)
  if (!state) throw new Error('useBuilder needs a RuleBuilder around it')
  return state
}
