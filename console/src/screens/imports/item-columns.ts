/** Items as a table: a column for each member that any of them has. */
import { money } from '@/format'
import { fieldLabel, FIELDS, FREE_KEYS } from './fields'
import type { ImportKind } from './types'

/** An item, in the form of the API. */
export type PreviewItem = Record<string, unknown>

export interface ItemColumn {
  id: string
  header: string
  isNumber: boolean
  text: (item: PreviewItem) => string | null
}

const AMOUNTS = ['amount', 'refunded_amount']

export function itemColumns(
  kind: ImportKind,
  items: readonly PreviewItem[],
): ItemColumn[] {
  const present = new Set(items.flatMap((item) => Object.keys(item)))
  // The currency stands with each amount.
  if (items.some((item) => typeof item['amount'] === 'number')) present.delete('currency')
  const known = FIELDS[kind].map(({ name }) => name)
  const parent = FREE_KEYS[kind]
  const ordered = [
    ...known.filter((name) => present.has(name)),
    ...[...present].filter((name) => !known.includes(name) && name !== parent),
  ]
  const keys = parent
    ? [...new Set(items.flatMap((item) => Object.keys(members(item[parent]))))]
    : []
  return [
    ...ordered.map((name) => ({
      id: name,
      header: name === 'items' ? 'Items' : fieldLabel(kind, name),
      isNumber: AMOUNTS.includes(name),
      text: (item: PreviewItem) => cellText(name, item),
    })),
    ...keys.map((key) => ({
      id: `${parent}.${key}`,
      header: key,
      isNumber: false,
      text: (item: PreviewItem) => valueText(parent ? members(item[parent])[key] : null),
    })),
  ]
}

function cellText(name: string, item: PreviewItem): string | null {
  const value = item[name]
  const currency = item['currency']
  if (
    AMOUNTS.includes(name) &&
    typeof value === 'number' &&
    typeof currency === 'string' &&
    /^[A-Za-z]{3}$/.test(currency)
  ) {
    return money(value, currency)
  }
  if (name === 'items' && Array.isArray(value)) return value.map(lineText).join(', ')
  return valueText(value)
}

/** A line item: `2 × Oat soap`. */
function lineText(line: unknown): string {
  const { quantity, name, sku } = members(line)
  return `${valueText(quantity) ?? '1'} × ${valueText(name) ?? valueText(sku) ?? '–'}`
}

function valueText(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'string' || typeof value === 'number') return String(value)
  if (Array.isArray(value)) return value.map((one) => valueText(one) ?? '').join(', ')
  return JSON.stringify(value)
}

function members(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null
    ? (value as Record<string, unknown>)
    : {}
}
