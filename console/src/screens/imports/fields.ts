/** Fields of the API that a table's columns can fill. */
import type { ImportKind } from './types'

export interface ImportField {
  name: string
  label: string
  required: boolean
  hint?: string
}

const required = (name: string, label: string, hint?: string): ImportField => ({
  name,
  label,
  required: true,
  hint,
})
const optional = (name: string, label: string, hint?: string): ImportField => ({
  name,
  label,
  required: false,
  hint,
})

const UPDATED_AT: ImportField = {
  name: 'updated_at',
  label: 'Changed at',
  required: false,
  hint: 'When the source last changed it. Rows that are older than what is recorded change nothing.',
}

export const FIELDS: Record<ImportKind, ImportField[]> = {
  customers: [
    required('customer_id', 'Customer id', 'The id of the shop, or the email address.'),
    optional(
      'name',
      'Name',
      'Of several columns: “Made of columns”, then {First Name} {Last Name}.',
    ),
    optional('email', 'Email'),
    optional('phone', 'Phone'),
    optional('city', 'City'),
    optional('country', 'Country'),
    optional('tags', 'Tags'),
    optional('registered_at', 'Customer since'),
    optional(
      'unsubscribed',
      'Unsubscribed',
      'Of a column that says who accepts messages: “Made of columns”, then !Accepts Email Marketing.',
    ),
    optional(
      'consent_at',
      'Consented or left at',
      'When the customer chose it. Only a later consent makes an unsubscribed customer a subscriber again.',
    ),
    UPDATED_AT,
  ],
  orders: [
    required('order_id', 'Order id', 'Rows with the same id are one order.'),
    required('customer_id', 'Customer id', 'The id of the shop, or the email address.'),
    required('amount', 'Total'),
    required('currency', 'Currency'),
    required('placed_at', 'Placed at'),
    optional('status', 'Status'),
    optional('refunded_amount', 'Refunded', 'The part of the total that was paid back.'),
    optional('items.sku', 'Item: SKU'),
    optional('items.name', 'Item: name'),
    optional('items.quantity', 'Item: quantity'),
    optional('items.unit_amount', 'Item: price'),
    UPDATED_AT,
  ],
  events: [
    required('event_id', 'Activity id'),
    required('customer_id', 'Customer id', 'The id of the shop, or the email address.'),
    required('name', 'Name', 'What happened, such as visited.'),
    required('occurred_at', 'Happened at'),
    UPDATED_AT,
  ],
}

/** Kinds within a sentence. */
export const KIND_NAMES: Record<ImportKind, string> = {
  customers: 'customers',
  orders: 'orders',
  events: 'activity',
}

/** The field with keys of one's own; `null` if the kind has none. */
export const FREE_KEYS: Record<ImportKind, 'attributes' | 'properties' | null> = {
  customers: 'attributes',
  orders: null,
  events: 'properties',
}

export function fieldLabel(kind: ImportKind | null, name: string): string {
  return FIELDS[kind ?? 'orders'].find((field) => field.name === name)?.label ?? name
}

/** Name of a column without what people write differently: `Customer ID` is `customer_id`. */
function plain(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
}

/** The column that has the name of a field; `null` if none has. */
export function columnFor(field: string, columns: readonly string[]): string | null {
  if (columns.includes(field)) return field
  return columns.find((column) => plain(column) === field) ?? null
}
