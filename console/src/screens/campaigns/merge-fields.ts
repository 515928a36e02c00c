import { leaves } from '@/format/attributes'

/** Fields of the customer that a message can have, ready to insert. */
export interface MergeField {
  label: string
  snippet: string
}

/** Each works for every customer: where a value may be missing, there is another one. */
export const MERGE_FIELDS: readonly MergeField[] = [
  { label: 'Name', snippet: '{{ name | default("there") }}' },
  {
    label: 'First word of the name',
    snippet: '{{ name | default("there") | split | first }}',
  },
  { label: 'City', snippet: '{{ city | default("your city") }}' },
  { label: 'Country', snippet: '{{ country | default("your country") }}' },
  { label: 'Number of orders', snippet: '{{ order_count }}' },
  { label: 'Total spend', snippet: '{{ total_spend | money }}' },
  {
    label: 'Average order',
    snippet: '{{ average_order_value | default(0) | money }}',
  },
  {
    label: 'Day of the last order',
    snippet: '{{ (last_order_at | default("never") | string)[:10] }}',
  },
  { label: 'Visits', snippet: '{{ visits }}' },
  { label: 'Customer id', snippet: '{{ customer_id }}' },
]

/** Fields of the attributes that some customers have. */
export function attributeFields(
  customers: readonly { attributes: Record<string, unknown> }[],
): MergeField[] {
  const all = customers.flatMap((customer) => leaves(customer.attributes))
  const paths = new Set(all.map(([path]) => path))
  return [...paths].sort().map((path) => ({
    label: path,
    snippet: `{{ ${attributePath(path)} | default("") }}`,
  }))
}

function attributePath(path: string): string {
  const step = (name: string) =>
    /^[A-Za-z_]\w*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
  return `attributes${path.split('.').map(step).join('')}`
}

/** A text with a snippet instead of the marked part, and where the caret stands then. */
export function insertAt(
  text: string,
  start: number,
  end: number,
  snippet: string,
): { text: string; caret: number } {
  return {
    text: text.slice(0, start) + snippet + text.slice(end),
    caret: start + snippet.length,
  }
}

/** Length of a text in bytes, as the limit of a template counts. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length
}
