import { Field } from '@/ui/form'
import { Select } from '@/ui/input'
import { withPreset } from './layout-draft'
import type { LayoutProps } from './layout-step'
import { KIND } from './status'
import type { ImportKind } from './types'

const KINDS = Object.keys(KIND) as ImportKind[]

/** A known export, or one of the kinds of data. */
export function ContentsField({
  draft,
  onChange,
  presets,
  columns,
}: LayoutProps & { columns: readonly string[] }) {
  const isTable = draft.format === 'csv'
  const value = draft.preset
    ? `preset:${draft.preset}`
    : draft.kind
      ? `kind:${draft.kind}`
      : ''
  function choose(chosen: string) {
    const preset = presets.find(({ name }) => chosen === `preset:${name}`) ?? null
    const kind = KINDS.find((kind) => chosen === `kind:${kind}`) ?? null
    onChange(withPreset(draft, preset, kind, columns))
  }
  const isUnknown = draft.preset && !presets.some(({ name }) => name === draft.preset)
  return (
    <Field label="What the file has" pointer="/preset">
      <Select
        className="w-full sm:max-w-md"
        value={value}
        onChange={(event) => choose(event.target.value)}
      >
        {value === '' && <option value="">Choose…</option>}
        {isUnknown && <option value={value}>{draft.preset}</option>}
        {isTable && presets.length > 0 && (
          <optgroup label="Known exports">
            {presets.map(({ name, title }) => (
              <option key={name} value={`preset:${name}`}>
                {title.charAt(0).toUpperCase() + title.slice(1)}
              </option>
            ))}
          </optgroup>
        )}
        <optgroup label={isTable ? 'Other tables' : 'One JSON object a line'}>
          {KINDS.map((kind) => (
            <option key={kind} value={`kind:${kind}`}>
              {isTable ? `${KIND[kind]}, with columns of your choice` : KIND[kind]}
            </option>
          ))}
        </optgroup>
      </Select>
    </Field>
  )
}
