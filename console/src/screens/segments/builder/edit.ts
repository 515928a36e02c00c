/** What new rows begin with, and where the focus goes after an edit. */

import {
  isGroup,
  type Path,
  type RuleCondition,
  type RuleGroup,
  type RuleNode,
} from './rules'

export function nodeAt(root: RuleGroup, path: Path): RuleNode | null {
  let node: RuleNode = root
  for (const index of path) {
    const next: RuleNode | undefined = isGroup(node) ? node.rules[index] : undefined
    if (!next) return null
    node = next
  }
  return node
}

/** The condition that a new row begins with. It is valid, so that counts stay live. */
export const FIRST_CONDITION: RuleCondition = {
  field: 'order_count',
  operator: '>=',
  value: 1,
}

export const FIRST_RULES: RuleGroup = {
  combinator: 'and',
  not: false,
  rules: [FIRST_CONDITION],
}

/** Part of a row that can have the keyboard's focus. */
export type RowPart = 'field' | 'up' | 'down' | 'add'

/** A row by its place, or by the editor's id for it when its place is about to change. */
export type FocusTarget = ({ path: Path } | { id: string }) & { part: RowPart }

/** Where the focus goes when the row at `path` is removed: the row that takes its place. */
export function focusAfterRemoval(root: RuleGroup, path: Path): FocusTarget {
  const parent = path.slice(0, -1)
  const index = path[path.length - 1] ?? 0
  const group = nodeAt(root, parent)
  const left = group && isGroup(group) ? group.rules.length - 1 : 0
  if (left <= 0) return { path: parent, part: 'add' }
  return { path: [...parent, Math.min(index, left - 1)], part: 'field' }
}
