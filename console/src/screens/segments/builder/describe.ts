/** Rules in plain words, for people who only read them. */

import { once } from '@/format/once'
import { arityOf, fieldLabel, kindOf, operatorLabel } from './catalog'
import {
  isGroup,
  type RuleCondition,
  type RuleGroup,
  type RuleNode,
  type Scalar,
} from './rules'
import { valuesOf } from './values'

/** How values read; the formats depend on the currency and the viewer's zone. */
export interface ValueFormats {
  money: (minor: number) => string
  time: (instant: string) => string
  day: (day: string) => string
}

/** A group as one sentence without a period. */
export function describeRules(root: RuleGroup, formats: ValueFormats): string {
  const words = inWords(root, formats)
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function inWords(group: RuleGroup, formats: ValueFormats): string {
  const parts = group.rules.map((node) => part(node, formats))
  const joined = parts.join(group.combinator === 'and' ? ', and ' : ', or ')
  return group.not ? `not (${joined})` : joined
}

function part(node: RuleNode, formats: ValueFormats): string {
  if (!isGroup(node)) {
    const words = describeCondition(node, formats)
    return words.charAt(0).toLowerCase() + words.slice(1)
  }
  const words = inWords(node, formats)
  return node.not || node.rules.length === 1 ? words : `(${words})`
}

/** A condition in words: `Total spend is more than $1,000.00`. */
export function describeCondition(
  condition: RuleCondition,
  formats: ValueFormats,
): string {
  const { field, operator } = condition
  const kind = kindOf(field)
  const head = `${fieldLabel(field)} ${operatorLabel(operator, kind)}`
  const values = valuesOf(condition).map((value) => describeValue(field, value, formats))
  switch (arityOf(operator)) {
    case 'none':
      return head
    case 'one':
      return `${head} ${values[0] ?? '…'}`
    case 'two':
      return `${head} ${values[0] ?? '…'} and ${values[1] ?? '…'}`
    case 'many':
      return `${head} ${listed(values)}`
  }
}

function listed(values: string[]): string {
  const last = values[values.length - 1]
  if (last === undefined) return '…'
  if (values.length === 1) return last
  return `${values.slice(0, -1).join(', ')} or ${last}`
}

/** A head of a group: what its members have to fulfill. */
export function describeGroup(group: RuleGroup): string {
  if (group.not) return group.combinator === 'and' ? 'Not all of these' : 'None of these'
  return group.combinator === 'and' ? 'All of these' : 'At least one of these'
}

const counted = once(() => new Intl.NumberFormat())

function describeValue(field: string, value: Scalar, formats: ValueFormats): string {
  if (value === '') return '…'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'number') {
    return kindOf(field) === 'money' ? formats.money(value) : counted().format(value)
  }
  const kind = kindOf(field)
  if (kind === 'time' || kind === 'attribute') {
    if (/^\d{4}-\d{2}-\d{2}$/.test(value)) return formats.day(value)
    if (/^\d{4}-\d{2}-\d{2}T/.test(value)) return formats.time(value)
  }
  return kind === 'text' || kind === 'tags' || kind === 'attribute' ? `“${value}”` : value
}
