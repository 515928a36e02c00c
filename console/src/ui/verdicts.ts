/**
 * The tree of an explanation. The API lists the result of each node of the rules with a
 * JSON pointer; the pointers say which node belongs to which group.
 */
import type { Schemas } from '@/api/client'
import { money } from '@/format'

export type Verdict = Schemas['NodeVerdict']
type Group = Schemas['RuleGroup']

export interface VerdictNode {
  verdict: Verdict
  /** What a group means, such as `All of these`; the condition as text otherwise. */
  label: string
  isGroup: boolean
  children: VerdictNode[]
}

/**
 * Returns the roots of the tree: one, unless the list is empty. With the rules, groups
 * are labeled by their meaning; without them, by their text.
 */
export function verdictTree(
  verdicts: readonly Verdict[],
  rules?: Group | null,
): VerdictNode[] {
  const nodes = new Map<string, VerdictNode>()
  const roots: VerdictNode[] = []
  for (const verdict of verdicts) {
    const parent = nodes.get(parentOf(verdict.pointer))
    // A condition always has a value, even if it is `null`; a group has none.
    const isGroup = !('value' in verdict)
    const node: VerdictNode = {
      verdict,
      label: (isGroup && groupLabel(rules, verdict.pointer)) || verdict.text,
      isGroup,
      children: [],
    }
    nodes.set(verdict.pointer, node)
    ;(parent?.children ?? roots).push(node)
  }
  return roots
}

/** The field that a condition compares: the first word of its text. */
export function fieldOf(verdict: Verdict): string {
  return /^(?:NOT\s+|\()*([^\s()]+)/i.exec(verdict.text)?.[1] ?? ''
}

/** The text of a condition, with amounts as money instead of minor units. */
export function conditionText(verdict: Verdict, currency: string | undefined): string {
  if (!currency || !isAmount(fieldOf(verdict))) return verdict.text
  return verdict.text.replace(/(?<![\w.-])-?\d+(?![\w.])/g, (minor) =>
    money(Number(minor), currency),
  )
}

/** Returns whether the values of a field are amounts in minor units. */
export function isAmount(field: string): boolean {
  return field === 'total_spend' || field === 'average_order_value'
}

/** Returns whether the values of a field are times. */
export function isTime(field: string): boolean {
  return field.endsWith('_at') && !field.startsWith('attributes.')
}

function parentOf(pointer: string): string {
  return pointer.replace(/\/rules\/\d+$/, '')
}

function groupLabel(rules: Group | null | undefined, pointer: string): string | null {
  const group = rules && groupAt(rules, pointer)
  if (!group) return null
  const all = group.combinator === 'and'
  if (group.not) return all ? 'Not all of these' : 'None of these'
  return all ? 'All of these' : 'At least one of these'
}

function groupAt(rules: Group, pointer: string): Group | null {
  let node: unknown = { rules }
  for (const part of pointer.split('/').slice(1)) {
    if (typeof node !== 'object' || node === null) return null
    node = (node as Record<string, unknown>)[part]
  }
  const isGroup = typeof node === 'object' && node !== null && 'combinator' in node
  return isGroup ? (node as Group) : null
}
