/**
 * How a file is to be read, as a form has it, and as the API takes it.
 *
 * An option without a control of its own, such as `fallback`, is passed on as it came.
 */
import { columnFor, FIELDS, FREE_KEYS } from './fields'
import { given } from './options'
import type {
  FileFormat,
  Import,
  ImportKind,
  ImportOptions,
  ImportPreset,
  PresetName,
} from './types'

/** What fills a field. `default`: what the preset says, or nothing. */
export type FieldSource =
  | { from: 'default' }
  | { from: 'column'; column: string }
  /** Columns as the importer writes them, such as `{First Name} {Last Name}`. */
  | { from: 'expression'; text: string }
  /** The same value in every row. */
  | { from: 'value'; value: string }

export type KeyType = 'text' | 'number' | 'boolean'

/** An attribute of customers, or a property of activity, and its column. */
export interface FreeKey {
  key: string
  type: KeyType
  column: string
}

export type OrderStatusChoice = 'placed' | 'cancelled' | 'refunded' | 'skip'

export interface StatusChoice {
  /** The status as the file has it. */
  text: string
  means: string
}

export interface LayoutDraft {
  kind: ImportKind | null
  format: FileFormat
  preset: PresetName | null
  fields: Record<string, FieldSource>
  keys: FreeKey[]
  statuses: StatusChoice[]
  delimiter: string
  encoding: string
  noHeader: boolean
  timeZone: string
  /** One format a line. */
  dateFormats: string
  amountUnit: '' | 'major' | 'minor'
  decimal: '' | 'point' | 'comma'
  tagSeparator: string
  /** Empty cells clear the customer's field. */
  clearsEmpty: boolean
  lastWins: boolean
  rest: ImportOptions
}

export const UNSET: FieldSource = { from: 'default' }

const TYPED = /^(.*):(number|boolean)$/

/** The draft to begin with: the last run, else what was detected, else the columns' names. */
export function draftOf(imported: Import): LayoutDraft {
  const { detected } = imported
  const columns = detected?.columns ?? []
  const format = detected?.format ?? 'csv'
  if (imported.kind && imported.options) {
    return readOptions(
      // One that was removed since is refused by the API, with the names of the others.
      { kind: imported.kind, preset: imported.preset as PresetName | null, format },
      imported.options,
      columns,
    )
  }
  const base = {
    kind: detected?.kind ?? null,
    preset: detected?.preset ?? null,
    format,
  }
  const draft = readOptions(base, detected?.options ?? {}, columns)
  const isMapped = Object.keys(detected?.options?.map ?? {}).length > 0
  if (!base.kind || base.preset || isMapped) return draft
  return { ...draft, ...matched(base.kind, columns) }
}

/** Fields and keys for the columns that have their names. */
export function matched(
  kind: ImportKind,
  columns: readonly string[],
): Pick<LayoutDraft, 'fields' | 'keys'> {
  const fields: Record<string, FieldSource> = {}
  for (const { name } of FIELDS[kind]) {
    const column = columnFor(name, columns)
    if (column !== null) fields[name] = { from: 'column', column }
  }
  const parent = FREE_KEYS[kind]
  const keys = columns.flatMap((column) => {
    const key = parent ? freeKey(parent, column) : null
    return key ? [{ ...key, column }] : []
  })
  return { fields, keys }
}

/** The draft for another kind or preset of the same file. */
export function withPreset(
  draft: LayoutDraft,
  preset: ImportPreset | null,
  kind: ImportKind | null,
  columns: readonly string[],
): LayoutDraft {
  const chosen = preset?.kind ?? kind
  const fresh = chosen && !preset ? matched(chosen, columns) : { fields: {}, keys: [] }
  return {
    ...draft,
    ...fresh,
    kind: chosen,
    preset: preset?.name ?? null,
    statuses: [],
    rest: {},
  }
}

function readOptions(
  base: Pick<LayoutDraft, 'kind' | 'preset' | 'format'>,
  options: ImportOptions,
  columns: readonly string[],
): LayoutDraft {
  const {
    map,
    set,
    status,
    delimiter,
    encoding,
    no_header,
    time_zone,
    date_format,
    amount_unit,
    decimal,
    tag_separator,
    clear_empty,
    last_wins,
    ...rest
  } = options
  const known = base.kind ? FIELDS[base.kind].map((field) => field.name) : []
  const parent = base.kind && FREE_KEYS[base.kind]
  const fields: Record<string, FieldSource> = {}
  const keys: FreeKey[] = []
  const others: { map: Record<string, string>; set: Record<string, string> } = {
    map: {},
    set: {},
  }
  for (const [field, column] of Object.entries(map ?? {})) {
    const key = parent ? freeKey(parent, field) : null
    if (known.includes(field)) {
      fields[field] = columns.includes(column)
        ? { from: 'column', column }
        : { from: 'expression', text: column }
    } else if (key) keys.push({ ...key, column })
    else others.map[field] = column
  }
  for (const [field, value] of Object.entries(set ?? {})) {
    if (known.includes(field)) fields[field] = { from: 'value', value }
    else others.set[field] = value
  }
  const clearsAll = clear_empty?.includes('all') ?? false
  return {
    ...base,
    fields,
    keys,
    statuses: Object.entries(status ?? {}).map(([text, means]) => ({ text, means })),
    delimiter: delimiter ?? '',
    encoding: encoding ?? '',
    noHeader: no_header ?? false,
    timeZone: time_zone ?? '',
    dateFormats: date_format?.join('\n') ?? '',
    amountUnit: amount_unit ?? '',
    decimal: decimal ?? '',
    tagSeparator: tag_separator ?? '',
    clearsEmpty: clearsAll,
    lastWins: last_wins ?? false,
    rest: {
      ...rest,
      ...(clearsAll ? {} : given('clear_empty', clear_empty)),
      ...given('map', others.map),
      ...given('set', others.set),
    },
  }
}

/** The key that `attributes.age:number` names. */
function freeKey(parent: string, name: string): Pick<FreeKey, 'key' | 'type'> | null {
  if (!name.startsWith(`${parent}.`)) return null
  const key = name.slice(parent.length + 1)
  const typed = TYPED.exec(key)
  if (key === '') return null
  return typed
    ? { key: typed[1] ?? key, type: typed[2] as KeyType }
    : { key, type: 'text' }
}

/** Fields that the API needs and that nothing fills. */
export function missingFields(draft: LayoutDraft, preset: ImportPreset | null): string[] {
  if (!draft.kind || draft.format === 'ndjson') return []
  const { map, set, fallback } = preset?.options ?? {}
  const isFilled = (name: string) => {
    const source = draft.fields[name] ?? UNSET
    if (source.from === 'default') {
      // The id may be made of the number of the line.
      const hasTemplate = name === idField(draft.kind) && Boolean(draft.rest.id)
      return hasTemplate || [map, set, fallback].some((pairs) => pairs?.[name])
    }
    if (source.from === 'column') return source.column !== ''
    return (source.from === 'value' ? source.value : source.text).trim() !== ''
  }
  return FIELDS[draft.kind]
    .filter((field) => field.required && !isFilled(field.name))
    .map((field) => field.name)
}

function idField(kind: ImportKind | null): string | undefined {
  return kind ? FIELDS[kind][0]?.name : undefined
}
