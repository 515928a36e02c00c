/**
 * Rules while they are edited: as text and as a tree at once. The form that was edited
 * last leads, and the other one follows it.
 */
import { parseRules, type Span } from './parse'
import { printRules } from './print'
import { arityOf } from './catalog'
import { newId, withIds } from './ids'
import { isGroup, placedNodes, plainTree, type RuleGroup, type Rules } from './rules'

export interface RulesDraft {
  lead: 'text' | 'tree'
  text: string
  /**
   * The rules as a tree, with an id for each node: of a text that cannot be read, the
   * last one that could.
   */
  tree: RuleGroup
  /** False while the text cannot be read, so that the tree does not follow it. */
  inStep: boolean
}

const NO_RULES: RuleGroup = { id: newId(), combinator: 'and', not: false, rules: [] }

export function draftOf(value: Rules, before: RuleGroup = NO_RULES): RulesDraft {
  return typeof value === 'string'
    ? draftOfText(value, before)
    : draftOfTree(withIds(value, before))
}

/** The draft after typing a text. `before` stays in the builder if it cannot be read. */
export function draftOfText(text: string, before: RuleGroup): RulesDraft {
  const parsed = parseRules(text)
  const tree = parsed ? withIds(parsed.tree, before) : before
  return { lead: 'text', text, tree, inStep: parsed !== null }
}

export function draftOfTree(tree: RuleGroup): RulesDraft {
  return { lead: 'tree', text: printRules(tree), tree, inStep: true }
}

/** The draft after an edit of its rows. */
export function draftOfEdit(
  draft: RulesDraft,
  edit: (tree: RuleGroup) => RuleGroup,
): RulesDraft {
  // While the text cannot be read, the rows are not the rules.
  if (!draft.inStep) return draft
  const tree = edit(draft.tree)
  if (tree === draft.tree) return draft
  // Rows that are alike may have changed places; a text stays as it was typed.
  return sameRules(tree, draft.tree) ? { ...draft, tree } : draftOfTree(tree)
}

/** What to keep of a draft: exactly what was typed, or the tree that was built. */
export function valueOf(draft: RulesDraft): Rules {
  return draft.lead === 'text' ? draft.text : plainTree(draft.tree)
}

/**
 * Rules as they are sent: as a tree wherever possible, since the API then answers with an
 * error for each node instead of the first one only.
 */
export function rulesForRequest(value: Rules): Rules {
  if (typeof value !== 'string') return plainTree(value)
  const parsed = parseRules(value)
  return parsed?.exact ? plainTree(parsed.tree) : value
}

/**
 * Returns true while a row of the builder has no value yet. The API would only say so.
 * In a text, an empty value was typed.
 */
export function isUnfinished(value: Rules): boolean {
  if (typeof value === 'string') return false
  return placedNodes(value).some(({ node }) => {
    if (isGroup(node) || arityOf(node.operator) === 'none') return false
    const values = Array.isArray(node.value) ? node.value : [node.value ?? '']
    return values.length === 0 || values.includes('')
  })
}

/** Returns true if both values select by the same rules, however they are written. */
export function sameRules(a: Rules, b: Rules): boolean {
  return JSON.stringify(rulesForRequest(a)) === JSON.stringify(rulesForRequest(b))
}

/** Where each node stands in a text; empty if the text cannot be read. */
export function spansOf(text: string): Map<string, Span> {
  return parseRules(text)?.spans ?? new Map<string, Span>()
}
