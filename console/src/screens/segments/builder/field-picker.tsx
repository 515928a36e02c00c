import { useId } from 'react'
import {
  FAMILIES,
  type Family,
  familyField,
  familyOf,
  isKnownField,
  SECTIONS,
} from './catalog'
import { useBuilder } from './context'
import { Input, Select } from '@/ui/input'

const FAMILY_NAMES = Object.keys(FAMILIES) as Family[]

/** Chooses a field; for attributes and activities, with the name that the shop uses. */
export function FieldPicker({
  field,
  onChange,
}: {
  field: string
  onChange: (field: string) => void
}) {
  const found = familyOf(field)
  return (
    <>
      <Select
        data-part="field"
        className="w-54"
        aria-label="Field"
        value={found ? found.family : field}
        onChange={(event) => {
          const chosen = event.currentTarget.value
          onChange(isFamily(chosen) ? familyField(chosen, found?.part ?? '') : chosen)
        }}
      >
        {!isKnownField(field) && <option value={field}>{field}</option>}
        {SECTIONS.map((section) => (
          <optgroup key={section.label} label={section.label}>
            {section.fields.map(({ name, label }) => (
              <option key={name} value={name}>
                {label}
              </option>
            ))}
            {families(section.label)}
          </optgroup>
        ))}
        <optgroup label="Attributes">{families('Attributes')}</optgroup>
      </Select>
      {found && (
        <NamePicker
          family={found.family}
          part={found.part}
          onChange={(part) => onChange(familyField(found.family, part))}
        />
      )}
    </>
  )
}

function isFamily(value: string): value is Family {
  return value in FAMILIES
}

function families(section: string) {
  return FAMILY_NAMES.filter((family) => FAMILIES[family].section === section).map(
    (family) => (
      <option key={family} value={family}>
        {FAMILIES[family].label}
      </option>
    ),
  )
}

function NamePicker({
  family,
  part,
  onChange,
}: {
  family: Family
  part: string
  onChange: (part: string) => void
}) {
  const { vocabulary } = useBuilder()
  const listId = useId()
  const isAttribute = family === 'attribute'
  const known = isAttribute ? vocabulary.attributes : vocabulary.activities
  return (
    <>
      <span className="w-36">
        <Input
          aria-label={isAttribute ? 'Name of the attribute' : 'Name of the activity'}
          placeholder={isAttribute ? 'name' : 'activity'}
          value={part}
          list={listId}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      </span>
      <datalist id={listId}>
        {known.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  )
}
