/** A draft as the API takes it: the body of a preview and a run. */
import { FIELDS, FREE_KEYS } from './fields'
import { type FreeKey, type LayoutDraft, UNSET } from './layout-draft'
import { given } from './options'
import type { ImportKind, ImportOptions, ImportRunIn } from './types'

/** Name of the field of a key in options: `attributes.age:number`. */
export function fieldOf(parent: string, { key, type }: FreeKey): string {
  return `${parent}.${key.trim()}${type === 'text' ? '' : `:${type}`}`
}

/** The body of a preview and a run; `null` while there is no kind. */
export function runOf(draft: LayoutDraft): ImportRunIn | null {
  if (!draft.kind) return null
  const options = optionsOf(draft, draft.kind)
  return {
    kind: draft.kind,
    format: draft.format,
    ...(draft.preset && draft.format === 'csv' ? { preset: draft.preset } : {}),
    ...(Object.keys(options).length ? { options } : {}),
  }
}

function optionsOf(draft: LayoutDraft, kind: ImportKind): ImportOptions {
  const both: ImportOptions = {
    ...given('encoding', draft.encoding.trim()),
    ...given('last_wins', draft.lastWins),
  }
  if (draft.format === 'ndjson') return both
  const map: Record<string, string> = { ...draft.rest.map }
  const set: Record<string, string> = { ...draft.rest.set }
  for (const { name } of FIELDS[kind]) {
    const source = draft.fields[name] ?? UNSET
    if (source.from === 'column') map[name] = source.column
    if (source.from === 'expression' && source.text.trim()) map[name] = source.text.trim()
    if (source.from === 'value') set[name] = source.value
  }
  const parent = FREE_KEYS[kind]
  for (const key of draft.keys) {
    if (parent && key.key.trim() && key.column) map[fieldOf(parent, key)] = key.column
  }
  const statuses = draft.statuses.filter(({ text }) => text.trim() !== '')
  const status = Object.fromEntries(
    statuses.map(({ text, means }) => [text.trim(), means]),
  )
  return {
    ...draft.rest,
    ...both,
    // A tab is a separator, so this text is not trimmed.
    ...given('delimiter', draft.delimiter),
    ...given('no_header', draft.noHeader),
    ...given('map', map),
    ...given('set', set),
    ...(kind === 'orders' ? given('status', status) : {}),
    ...given('amount_unit', draft.amountUnit || undefined),
    ...given('decimal', draft.decimal || undefined),
    ...given('date_format', lines(draft.dateFormats)),
    ...given('time_zone', draft.timeZone.trim()),
    ...given('tag_separator', draft.tagSeparator),
    ...(kind === 'customers' && draft.clearsEmpty ? { clear_empty: ['all'] } : {}),
  }
}

function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
}

/** Options that change which columns a table has. */
export function tableOptions(draft: LayoutDraft): ImportOptions {
  return {
    ...given('encoding', draft.encoding.trim()),
    ...given('delimiter', draft.delimiter),
    ...given('no_header', draft.noHeader),
  }
}
