import { Button, IconButton } from '@/ui/button'
import { Input, Select } from '@/ui/input'
import { FieldErrors } from './field-errors'
import { type ColumnProps, escaped } from './column-fields'
import { type FreeKey, type KeyType } from './layout-draft'
import { fieldOf } from './run-body'

const NAMES = { attributes: 'Attributes', properties: 'Properties' }

/** Columns that become attributes of customers, or properties of activity. */
export function FreeKeys({
  draft,
  onChange,
  columns,
  parent,
}: ColumnProps & { parent: 'attributes' | 'properties' }) {
  const { keys } = draft
  const change = (keys: FreeKey[]) => onChange({ ...draft, keys })
  const set = (at: number, key: Partial<FreeKey>) =>
    change(keys.map((old, index) => (index === at ? { ...old, ...key } : old)))
  return (
    <fieldset className="flex min-w-0 flex-col gap-2">
      <legend className="mb-1.5 font-medium">
        {NAMES[parent]}
        <span className="font-normal text-muted"> (optional)</span>
      </legend>
      {keys.map((key, at) => (
        <div key={at} className="flex flex-wrap items-center gap-2">
          <Input
            aria-label={`Name ${at + 1}`}
            placeholder="Name, such as plan"
            className="sm:max-w-52"
            value={key.key}
            onChange={(event) => set(at, { key: event.target.value })}
          />
          <Select
            aria-label={`Column ${at + 1}`}
            className="w-full sm:w-52"
            value={key.column}
            onChange={(event) => set(at, { column: event.target.value })}
          >
            <option value="">Choose a column…</option>
            {[...new Set([...columns, key.column])].filter(Boolean).map((column) => (
              <option key={column} value={column}>
                {column}
              </option>
            ))}
          </Select>
          <Select
            aria-label={`Type ${at + 1}`}
            value={key.type}
            onChange={(event) => set(at, { type: event.target.value as KeyType })}
          >
            <option value="text">Text</option>
            <option value="number">Number</option>
            <option value="boolean">Yes or no</option>
          </Select>
          <IconButton
            icon="trash"
            label={`Remove ${key.key || `row ${at + 1}`}`}
            onClick={() => change(keys.filter((_, index) => index !== at))}
          />
          <FieldErrors pointer={`/options/map/${escaped(fieldOf(parent, key))}`} />
        </div>
      ))}
      <div>
        <Button
          small
          icon="plus"
          onClick={() => change([...keys, { key: '', type: 'text', column: '' }])}
        >
          Add a column
        </Button>
      </div>
    </fieldset>
  )
}
