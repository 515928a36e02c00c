/** Text form of rules, which `parseRules` and the API read back. */

import { arityOf, kindOf } from './catalog'
import { isGroup, type RuleCondition, type RuleGroup, type Scalar } from './rules'

export function printRules(root: RuleGroup): string {
  const only = root.rules.length === 1 ? root.rules[0] : undefined
  if (root.not) return closed(root)
  // Without extra parentheses, the text would read as the inner group.
  if (only && isGroup(only)) return `(${closed(only)})`
  return open(root)
}

function closed(group: RuleGroup): string {
  return `${group.not ? 'NOT ' : ''}(${open(group)})`
}

function open(group: RuleGroup): string {
  const parts = group.rules.map((node) =>
    isGroup(node) ? closed(node) : printCondition(node),
  )
  return parts.join(` ${group.combinator.toUpperCase()} `)
}

function printCondition({ field, operator, value }: RuleCondition): string {
  const values = Array.isArray(value) ? value : value === undefined ? [] : [value]
  const printed = values.map((one) => printValue(field, one))
  const head = `${field} ${operator}`
  switch (arityOf(operator)) {
    case 'none':
      return head
    case 'one':
      return `${head} ${printed[0] ?? '""'}`
    case 'two':
      return `${head} ${printed[0] ?? '""'} AND ${printed[1] ?? '""'}`
    case 'many':
      return `${head} (${printed.join(', ')})`
  }
}

const MOMENT = /^\d{4}-\d{2}-\d{2}(?:T[0-9:.]+(?:Z|[+-]\d{2}:\d{2})?)?$/
const WHOLE = /^-?(?:0|[1-9]\d*)$/

function printValue(field: string, value: Scalar): string {
  if (typeof value !== 'string') return String(value)
  const kind = kindOf(field)
  const isBareTime = (kind === 'time' || kind === 'attribute') && MOMENT.test(value)
  const isBareNumber =
    (kind === 'count' || kind === 'money' || kind === 'days') && WHOLE.test(value)
  if (isBareTime || isBareNumber) return value
  const escaped = value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')
  return `"${escaped}"`
}
