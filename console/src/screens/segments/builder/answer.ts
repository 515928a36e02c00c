/** The API's answers about rules, assigned to the nodes that they concern. */

import type { FieldError } from '@/api/error'
import { offsetOfColumn } from './lexer'
import { spansOf } from './draft'
import type { Span } from './parse'

const IN_COLUMN = /^column (\d+): /

export interface RuleErrors {
  /** Messages by the JSON pointer of their node. */
  byPointer: Map<string, string[]>
  /** Messages about a text that has no nodes yet, with their place in it. */
  ofText: { message: string; at: number }[]
}

export const NO_ERRORS: RuleErrors = { byPointer: new Map(), ofText: [] }

/** Sorts the errors of a request whose rules are at `/rules`; other fields are left out. */
export function ruleErrors(errors: readonly FieldError[], text: string): RuleErrors {
  const sorted: RuleErrors = { byPointer: new Map(), ofText: [] }
  for (const { pointer, detail } of errors) {
    if (pointer !== '/rules' && !pointer.startsWith('/rules/')) continue
    const column = IN_COLUMN.exec(detail)?.[1]
    if (column === undefined) {
      sorted.byPointer.set(pointer, [...(sorted.byPointer.get(pointer) ?? []), detail])
    } else {
      const message = detail.replace(IN_COLUMN, '')
      sorted.ofText.push({ message, at: offsetOfColumn(text, Number(column)) })
    }
  }
  return sorted
}

/** Both answers together; what is the same is told once. */
export function mergedErrors(a: RuleErrors, b: RuleErrors): RuleErrors {
  const byPointer = new Map(a.byPointer)
  for (const [pointer, messages] of b.byPointer) {
    byPointer.set(pointer, [...new Set([...(byPointer.get(pointer) ?? []), ...messages])])
  }
  return { byPointer, ofText: a.ofText.length > 0 ? a.ofText : b.ofText }
}

export interface TextError {
  message: string
  span: Span
}

/** The errors of both kinds with their places in the text, in the order of the text. */
export function textErrors(errors: RuleErrors, text: string): TextError[] {
  const spans = spansOf(text)
  const whole = { from: 0, to: text.length }
  const found = errors.ofText.map(({ message, at }) => ({
    message,
    span: wordAt(text, at),
  }))
  for (const [pointer, messages] of errors.byPointer) {
    const span = spans.get(pointer) ?? whole
    found.push(...messages.map((message) => ({ message, span })))
  }
  return found.sort((a, b) => a.span.from - b.span.from)
}

/** The word at an offset, to mark it. */
function wordAt(text: string, at: number): Span {
  const word = /^[^\s()]+/.exec(text.slice(at))?.[0] ?? text.charAt(at)
  return { from: at, to: at + word.length }
}

/** What is reported of a node: its count on its own. */
export function countsByPointer(
  nodes: readonly { pointer: string; count: number }[],
): Map<string, number> {
  return new Map(nodes.map(({ pointer, count }) => [pointer, count]))
}
