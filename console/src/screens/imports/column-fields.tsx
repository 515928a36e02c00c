/** Which column fills which field. */
import { useApi } from '@/api/query'
import { Field } from '@/ui/form'
import { Input, Select } from '@/ui/input'
import { FIELDS, FREE_KEYS, type ImportField } from './fields'
import { FreeKeys } from './free-keys'
import type { FieldSource } from './layout-draft'
import type { LayoutProps } from './layout-step'
import type { ImportPreset } from './types'

export interface ColumnProps extends LayoutProps {
  preset: ImportPreset | null
  columns: readonly string[]
  /** Cells of the first rows. */
  samples: readonly (readonly string[])[]
}

export function ColumnFields(props: ColumnProps) {
  const { draft, onChange } = props
  const { kind, fields } = draft
  if (!kind) return null
  return (
    <div className="flex flex-col gap-4">
      <div className="grid gap-x-6 gap-y-3 lg:grid-cols-2">
        {FIELDS[kind].map((field) => (
          <ColumnField
            key={field.name}
            {...props}
            field={field}
            source={fields[field.name] ?? { from: 'default' }}
            onSource={(source) =>
              onChange({ ...draft, fields: { ...fields, [field.name]: source } })
            }
          />
        ))}
      </div>
      {FREE_KEYS[kind] && <FreeKeys {...props} parent={FREE_KEYS[kind]} />}
    </div>
  )
}

/** Values of the select that are no columns. No column is confused with them. */
const OTHER = { default: 'default', value: 'value', expression: 'expression' } as const

function ColumnField({
  field,
  source,
  onSource,
  preset,
  columns,
  samples,
}: ColumnProps & {
  field: ImportField
  source: FieldSource
  onSource: (source: FieldSource) => void
}) {
  const currency = useCurrency(field.name === 'currency')
  const { name } = field
  const value = source.from === 'column' ? `column:${source.column}` : source.from
  function choose(chosen: string) {
    if (chosen === OTHER.value) onSource({ from: 'value', value: currency })
    else if (chosen === OTHER.expression) onSource({ from: 'expression', text: '' })
    else if (chosen === OTHER.default) onSource({ from: 'default' })
    else onSource({ from: 'column', column: chosen.slice('column:'.length) })
  }
  const isLost = source.from === 'column' && !columns.includes(source.column)
  const part = source.from === 'value' ? 'set' : 'map'
  return (
    <Field
      label={field.label}
      optional={!field.required}
      pointer={`/options/${part}/${escaped(name)}`}
      hint={sampleOf(source, columns, samples) ?? field.hint}
    >
      <Select
        className="w-full"
        value={value}
        onChange={(event) => choose(event.target.value)}
      >
        <option value={OTHER.default}>{defaultText(field, preset)}</option>
        {isLost && <option value={value}>{source.column} (not in the file)</option>}
        <optgroup label="Column">
          {[...new Set(columns)].map((column) => (
            <option key={column} value={`column:${column}`}>
              {column}
            </option>
          ))}
        </optgroup>
        <optgroup label="Other">
          <option value={OTHER.value}>The same in every row…</option>
          <option value={OTHER.expression}>Made of columns…</option>
        </optgroup>
      </Select>
      {source.from === 'value' && (
        <Input
          id={undefined}
          aria-label={`${field.label} in every row`}
          value={source.value}
          onChange={(event) => onSource({ from: 'value', value: event.target.value })}
        />
      )}
      {source.from === 'expression' && (
        <Input
          id={undefined}
          aria-label={`Columns for ${field.label}`}
          placeholder="{First Name} {Last Name}"
          value={source.text}
          onChange={(event) => onSource({ from: 'expression', text: event.target.value })}
        />
      )}
    </Field>
  )
}

/** The currency of the deployment, the only one that orders can have. */
function useCurrency(enabled: boolean): string {
  const report = useApi('/api/reports/daily', undefined, { enabled, staleTime: Infinity })
  return (enabled && report.data?.currency) || ''
}

function defaultText(field: ImportField, preset: ImportPreset | null): string {
  const { map, set, fallback } = preset?.options ?? {}
  const { name } = field
  if (map?.[name] && fallback?.[name]) {
    return `As known: ${map[name]}, else ${fallback[name]}`
  }
  const column = map?.[name] ?? fallback?.[name]
  if (column) return `As known: ${column}`
  if (set?.[name]) return `As known: always ${set[name]}`
  return field.required ? 'Choose…' : 'Not in the file'
}

/** What the chosen column has in the first rows. */
function sampleOf(
  source: FieldSource,
  columns: readonly string[],
  samples: readonly (readonly string[])[],
): string | null {
  if (source.from !== 'column') return null
  const at = columns.indexOf(source.column)
  const cells = samples.map((row) => row[at]).filter(Boolean)
  return at < 0 || cells.length === 0 ? null : `Such as ${[...new Set(cells)].join(', ')}`
}

/** A name as a part of a JSON pointer. */
export function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
