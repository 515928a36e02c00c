import { useId } from 'react'
import { decimals } from '@/format'
import { fromLocalInput, localDay, toLocalInput } from '@/format/local-time'
import { arityOf, type Kind, kindOf, OF_TEXT } from './catalog'
import { useBuilder } from './context'
import { Input, Select } from '@/ui/input'
import { ListInput } from './list-input'
import type { RuleCondition, Scalar } from './rules'
import { TypedInput } from './typed-input'
import {
  asAttributeType,
  type AttributeType,
  attributeType,
  isDay,
  isInstant,
  majorUnits,
  minorUnits,
  numberOrText,
  valuesOf,
} from './values'

/** Makes the next value of the values as they are now. */
type ValueEdit = (values: Scalar[]) => RuleCondition['value']

interface ValueEditorProps {
  condition: RuleCondition
  onChange: (edit: ValueEdit) => void
}

/** The value of a condition: one, two or a list, each in the form of the field's kind. */
export function ValueEditor({ condition, onChange }: ValueEditorProps) {
  const kind = kindOf(condition.field)
  if (kind === 'attribute' && !OF_TEXT.has(condition.operator)) {
    return <AttributeEditor condition={condition} onChange={onChange} />
  }
  return <Values condition={condition} kind={kind} onChange={onChange} />
}

function Values({ condition, kind, onChange }: ValueEditorProps & { kind: Kind }) {
  const values = valuesOf(condition)
  const { field } = condition
  switch (arityOf(condition.operator)) {
    case 'none':
      return null
    case 'one':
      return (
        <OneValue
          field={field}
          kind={kind}
          label="Value"
          value={values[0] ?? ''}
          onChange={(value) => onChange(() => value)}
        />
      )
    case 'two':
      return <Pair field={field} kind={kind} values={values} onChange={onChange} />
    case 'many':
      return <ManyValues field={field} kind={kind} values={values} onChange={onChange} />
  }
}

function Pair({
  field,
  kind,
  values,
  onChange,
}: {
  field: string
  kind: Kind
  values: Scalar[]
  onChange: (edit: ValueEdit) => void
}) {
  const [from, to] = [values[0] ?? '', values[1] ?? '']
  return (
    <div className="flex flex-wrap items-center gap-2">
      <OneValue
        field={field}
        kind={kind}
        label="From"
        value={from}
        onChange={(value) => onChange(([, now = '']) => [value, now])}
      />
      <span className="text-sm text-muted">and</span>
      <OneValue
        field={field}
        kind={kind}
        label="To"
        value={to}
        onChange={(value) => onChange(([now = '']) => [now, value])}
      />
    </div>
  )
}

interface OneValueProps {
  field: string
  kind: Kind
  label: string
  value: Scalar
  onChange: (value: Scalar) => void
}

function OneValue(props: OneValueProps) {
  const { kind, label, value, onChange } = props
  switch (kind) {
    case 'flag':
      return <FlagInput label={label} value={value} onChange={onChange} />
    case 'money':
      return <AmountInput label={label} value={value} onChange={onChange} />
    case 'count':
    case 'days':
      return (
        <TypedInput
          label={label}
          value={value}
          toText={String}
          toValue={numberOrText}
          onChange={onChange}
          inputMode="numeric"
          width="w-28"
        />
      )
    case 'time':
      return <TimeInput label={label} value={value} onChange={onChange} />
    default:
      return <TextValue {...props} />
  }
}

function TextValue({ field, label, value, onChange }: OneValueProps) {
  const { vocabulary } = useBuilder()
  const listId = useId()
  const suggestions = vocabulary.values[field] ?? []
  return (
    <>
      <span className="min-w-40 flex-1">
        <Input
          aria-label={label}
          value={String(value)}
          onChange={(event) => onChange(event.currentTarget.value)}
          list={suggestions.length > 0 ? listId : undefined}
        />
      </span>
      {suggestions.length > 0 && (
        <datalist id={listId}>
          {suggestions.map((suggestion) => (
            <option key={suggestion} value={suggestion} />
          ))}
        </datalist>
      )}
    </>
  )
}

interface InputProps {
  label: string
  value: Scalar
  onChange: (value: Scalar) => void
}

function FlagInput({ label, value, onChange }: InputProps) {
  return (
    <Select
      aria-label={label}
      value={String(value)}
      onChange={(event) => onChange(event.currentTarget.value === 'true')}
    >
      <option value="true">yes</option>
      <option value="false">no</option>
    </Select>
  )
}

function AmountInput({ label, value, onChange }: InputProps) {
  const { currency } = useBuilder()
  const places = decimals(currency)
  return (
    <div className="flex items-center gap-1.5">
      <TypedInput
        label={`${label} in ${currency}`}
        value={value}
        toText={(minor) => majorUnits(minor, places)}
        toValue={(typed) => minorUnits(typed, places)}
        onChange={onChange}
        inputMode="decimal"
        width="w-32"
      />
      <span className="text-sm text-muted">{currency}</span>
    </div>
  )
}

/** A day, which is a whole day in UTC, or an instant in the viewer's time zone. */
function TimeInput({ label, value, onChange }: InputProps) {
  if (isInstant(value)) {
    return (
      <div className="flex flex-wrap items-center gap-1.5">
        <span className="w-52">
          <Input
            type="datetime-local"
            aria-label={label}
            value={toLocalInput(String(value))}
            onChange={(event) => {
              // A browser reports no value while a part is still missing.
              const instant = fromLocalInput(event.currentTarget.value)
              if (instant) onChange(instant)
            }}
          />
        </span>
        <PrecisionPicker precision="time" value={value} onChange={onChange} />
      </div>
    )
  }
  const isText = value !== '' && !isDay(value)
  return (
    <div className="flex flex-wrap items-center gap-1.5">
      <span className="w-40">
        <Input
          // What is no day, such as one typed in the text form, has to stay visible.
          type={isText ? 'text' : 'date'}
          aria-label={label}
          value={String(value)}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      </span>
      <PrecisionPicker precision="day" value={value} onChange={onChange} />
    </div>
  )
}

function PrecisionPicker({
  precision,
  value,
  onChange,
}: {
  precision: 'day' | 'time'
  value: Scalar
  onChange: (value: Scalar) => void
}) {
  const day = isDay(value) || isInstant(value) ? String(value).slice(0, 10) : localDay()
  return (
    <Select
      aria-label="Precision"
      className="w-40"
      value={precision}
      onChange={(event) => {
        onChange(event.currentTarget.value === 'day' ? day : `${day}T00:00:00.000Z`)
      }}
    >
      <option value="day">whole day (UTC)</option>
      <option value="time">time of day</option>
    </Select>
  )
}

function ManyValues({
  field,
  kind,
  values,
  onChange,
}: {
  field: string
  kind: Kind
  values: Scalar[]
  onChange: (edit: (values: Scalar[]) => Scalar[]) => void
}) {
  const { currency, vocabulary } = useBuilder()
  const places = decimals(currency)
  const isNumeric = kind === 'count' || kind === 'days'
  return (
    <ListInput
      values={values}
      onChange={onChange}
      toText={(value) => (kind === 'money' ? majorUnits(value, places) : String(value))}
      toValue={(typed) =>
        kind === 'money'
          ? minorUnits(typed, places)
          : isNumeric
            ? numberOrText(typed)
            : typed
      }
      suggestions={vocabulary.values[field] ?? []}
      hint={kind === 'money' ? currency : kind === 'time' ? 'such as 2026-11-23' : ''}
    />
  )
}

const ATTRIBUTE_KIND: Record<AttributeType, Kind> = {
  text: 'text',
  number: 'count',
  flag: 'flag',
  date: 'time',
}

/** An attribute has no type of its own: the type of the value decides what it matches. */
function AttributeEditor({ condition, onChange }: ValueEditorProps) {
  const values = valuesOf(condition)
  const type = attributeType(values[0])
  const retype = (next: AttributeType) =>
    onChange((now) => {
      const typed = now.map((value) => asAttributeType(value, next, localDay()))
      return arityOf(condition.operator) === 'one' ? typed[0] : typed
    })
  return (
    <>
      {arityOf(condition.operator) !== 'none' && (
        <Select
          aria-label="Type of the value"
          className="w-28"
          value={type}
          onChange={(event) => retype(event.currentTarget.value as AttributeType)}
        >
          <option value="text">text</option>
          <option value="number">number</option>
          <option value="flag">yes or no</option>
          <option value="date">date</option>
        </Select>
      )}
      <Values condition={condition} kind={ATTRIBUTE_KIND[type]} onChange={onChange} />
    </>
  )
}
