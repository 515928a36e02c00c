/** Conversion between what people type in the builder and what the API takes. */

import { type Arity, arityOf, type Kind, kindOf, OF_TEXT, operatorsOf } from './catalog'
import { numberIn } from './parse'
import type { RuleCondition, Scalar } from './rules'

const AMOUNT = /^(-?)(\d+)(?:\.(\d*))?$/

/**
 * Minor units of an amount in major units: `1,000.50` is 100050. What is not
 * such an amount is returned as it is, for the API to name what is wrong.
 */
export function minorUnits(typed: string, decimals: number): Scalar {
  const plain = typed.trim().replaceAll(/[,\s]/g, '')
  const [whole, sign, units, fraction = ''] = AMOUNT.exec(plain) ?? []
  if (whole === undefined || fraction.length > decimals) return typed
  const minor = Number(`${sign}${units}${fraction.padEnd(decimals, '0')}`)
  return Number.isSafeInteger(minor) ? minor : typed
}

/** An amount in major units for an input: 100050 is `1000.50`. */
export function majorUnits(value: Scalar, decimals: number): string {
  const minor = typeof value === 'number' ? value : NaN
  if (!Number.isSafeInteger(minor)) return String(value)
  const digits = String(Math.abs(minor)).padStart(decimals + 1, '0')
  const cut = digits.length - decimals
  const fraction = digits.slice(cut)
  const sign = minor < 0 ? '-' : ''
  return `${sign}${digits.slice(0, cut)}${/[1-9]/.test(fraction) ? `.${fraction}` : ''}`
}

/** A typed number as the API takes it; anything else as it was typed. */
export function numberOrText(typed: string): Scalar {
  const number = numberIn(typed.trim())
  if (number === null) return typed
  const isExact = !Number.isInteger(number) || Number.isSafeInteger(number)
  return isExact ? number : typed
}

/** The type of an attribute's value, which its JSON type tells. */
export type AttributeType = 'text' | 'number' | 'flag' | 'date'

const DAY = /^\d{4}-\d{2}-\d{2}$/
const INSTANT = /^\d{4}-\d{2}-\d{2}T/

export function isDay(value: Scalar): boolean {
  return typeof value === 'string' && DAY.test(value)
}

export function isInstant(value: Scalar): boolean {
  return typeof value === 'string' && INSTANT.test(value)
}

export function attributeType(value: Scalar | undefined): AttributeType {
  if (typeof value === 'number') return 'number'
  if (typeof value === 'boolean') return 'flag'
  return value !== undefined && (isDay(value) || isInstant(value)) ? 'date' : 'text'
}

/** A value of another type of an attribute, as near as possible to `value`. */
export function asAttributeType(
  value: Scalar,
  type: AttributeType,
  today: string,
): Scalar {
  switch (type) {
    case 'text':
      return String(value)
    case 'number':
      return typeof value === 'number' ? value : (numberIn(String(value).trim()) ?? 0)
    case 'flag':
      return value === true || value === 'true'
    case 'date':
      return isDay(value) || isInstant(value) ? value : today
  }
}

/** The values of a condition as a list. */
export function valuesOf(condition: RuleCondition): Scalar[] {
  const { value } = condition
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value]
}

function shaped(values: Scalar[], arity: Arity, blank: Scalar): RuleCondition['value'] {
  switch (arity) {
    case 'none':
      return undefined
    case 'one':
      return values[0] ?? blank
    case 'two':
      return [values[0] ?? blank, values[1] ?? blank]
    case 'many':
      return values.filter((value) => value !== '')
  }
}

function blankOf(kind: Kind): Scalar {
  return kind === 'flag' ? true : ''
}

function isPossible(value: Scalar, kind: Kind): boolean {
  switch (kind) {
    case 'flag':
      return typeof value === 'boolean'
    case 'count':
    case 'money':
    case 'days':
      return typeof value === 'number'
    case 'time':
      return isDay(value) || isInstant(value)
    case 'text':
    case 'tags':
      return typeof value === 'string'
    case 'attribute':
      return true
  }
}

function isNumeric(kind: Kind): boolean {
  return kind === 'count' || kind === 'money' || kind === 'days'
}

/** The condition with another operator; its values stay as far as they fit. */
export function withOperator(condition: RuleCondition, operator: string): RuleCondition {
  const kind = kindOf(condition.field)
  let values = valuesOf(condition)
  if (OF_TEXT.has(operator)) values = values.map(String)
  const value = shaped(values, arityOf(operator), blankOf(kind))
  return withValue({ ...condition, operator }, value)
}

/**
 * The condition with another field. Operator and values stay if the new field
 * takes them; amounts, counts and days do not turn into each other.
 */
export function withField(condition: RuleCondition, field: string): RuleCondition {
  const [before, kind] = [kindOf(condition.field), kindOf(field)]
  const operators = operatorsOf(kind)
  // "More than" means little for a text, even where the API takes it.
  const isLike = before === kind || (isNumeric(before) && isNumeric(kind))
  const stays = isLike && operators.includes(condition.operator)
  const operator = stays ? condition.operator : (operators[0] ?? '=')
  const isSame = before === kind || kind === 'attribute'
  const kept = isSame
    ? valuesOf(condition).filter((value) => isPossible(value, kind))
    : []
  return withOperator({ ...condition, field, value: kept }, operator)
}

export function withValue(
  { value: _, ...condition }: RuleCondition,
  value: RuleCondition['value'],
): RuleCondition {
  return value === undefined ? condition : { ...condition, value }
}
