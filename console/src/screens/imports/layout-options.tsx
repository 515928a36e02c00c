/** Options of a file that few have to change. */
import { viewerTimeZone } from '@/format/time'
import { Button } from '@/ui/button'
import { Field } from '@/ui/form'
import { Checkbox, Input, Select, Textarea } from '@/ui/input'
import { Card } from '@/ui/page'
import { Fold } from './fold'
import type { LayoutDraft } from './layout-draft'
import type { LayoutProps } from './layout-step'
import { StatusFields } from './status-fields'
import type { ImportPreset } from './types'

interface OptionProps extends LayoutProps {
  preset: ImportPreset | null
  /** What the API said about the options. */
  error: unknown
}

const DELIMITERS = [
  { value: '', label: 'Comma' },
  { value: ';', label: 'Semicolon' },
  { value: 'tab', label: 'Tab' },
  { value: '|', label: 'Vertical bar' },
  { value: 'whitespace', label: 'Blanks' },
]

const ENCODINGS = [
  'windows-1252',
  'iso-8859-15',
  'windows-1250',
  'windows-1251',
  'utf-16le',
  'shift_jis',
  'gb18030',
]

export function LayoutOptions(props: OptionProps) {
  const { draft, onChange, preset } = props
  const isTable = draft.format === 'csv'
  const set = (change: Partial<LayoutDraft>) => onChange({ ...draft, ...change })
  return (
    <Card title="Options">
      <div className="flex flex-col gap-4">
        {isTable && <TimeZoneField {...props} />}
        <Fold title="More options" open={isChanged(draft)} error={props.error}>
          <div className="grid items-start gap-x-6 gap-y-3 lg:grid-cols-2">
            {isTable && (
              <>
                <DelimiterField {...props} />
                <DateFormatField {...props} />
                {draft.kind === 'orders' && <AmountFields {...props} />}
                {draft.kind === 'customers' && <TagField {...props} />}
              </>
            )}
            <EncodingField {...props} />
            <div className="flex flex-col gap-2">
              {isTable && (
                <Checkbox
                  label="The first line has data"
                  hint="The columns are then named 1, 2, …"
                  checked={draft.noHeader}
                  onChange={(event) => set({ noHeader: event.target.checked })}
                />
              )}
              <Checkbox
                label="Of rows with one id, the last one counts"
                hint="Otherwise a row that contradicts an earlier one is refused."
                checked={draft.lastWins}
                onChange={(event) => set({ lastWins: event.target.checked })}
              />
              {isTable && draft.kind === 'customers' && (
                <Checkbox
                  label="Empty cells clear a field"
                  hint="Otherwise an empty cell leaves the field as it is."
                  checked={draft.clearsEmpty}
                  onChange={(event) => set({ clearsEmpty: event.target.checked })}
                />
              )}
            </div>
            {isTable && draft.kind === 'orders' && (
              <StatusFields
                statuses={draft.statuses}
                known={preset?.options.status ?? {}}
                onChange={(statuses) => set({ statuses })}
              />
            )}
          </div>
        </Fold>
      </div>
    </Card>
  )
}

/** Whether an option differs from its default, so that none is hidden. */
function isChanged(draft: LayoutDraft): boolean {
  return (
    [draft.delimiter, draft.encoding, draft.dateFormats, draft.amountUnit].some(
      Boolean,
    ) ||
    [draft.decimal, draft.tagSeparator, draft.noHeader, draft.lastWins].some(Boolean) ||
    draft.clearsEmpty ||
    draft.statuses.length > 0
  )
}

function TimeZoneField({ draft, onChange, preset }: OptionProps) {
  const known = preset?.options.time_zone
  const mine = viewerTimeZone()
  const setZone = (timeZone: string) => onChange({ ...draft, timeZone })
  return (
    <Field
      label="Time zone"
      optional
      pointer="/options/time_zone"
      hint="Of times that do not say theirs. A time with an offset, such as +02:00, keeps it."
      actions={
        draft.timeZone !== mine && (
          <Button small kind="quiet" onClick={() => setZone(mine)}>
            Use {mine}
          </Button>
        )
      }
      className="sm:max-w-md"
    >
      <Input
        list="time-zones"
        placeholder={known ?? 'UTC'}
        value={draft.timeZone}
        onChange={(event) => setZone(event.target.value)}
      />
      <datalist id="time-zones">
        {Intl.supportedValuesOf('timeZone').map((zone) => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
    </Field>
  )
}

function DelimiterField({ draft, onChange }: OptionProps) {
  const isOther = !DELIMITERS.some(({ value }) => value === draft.delimiter)
  return (
    <Field label="Columns are separated by" pointer="/options/delimiter">
      <Select
        value={draft.delimiter}
        onChange={(event) => onChange({ ...draft, delimiter: event.target.value })}
      >
        {DELIMITERS.map(({ value, label }) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
        {isOther && <option value={draft.delimiter}>{draft.delimiter}</option>}
      </Select>
    </Field>
  )
}

function EncodingField({ draft, onChange }: OptionProps) {
  return (
    <Field
      label="Encoding"
      optional
      pointer="/options/encoding"
      hint="If letters such as ä look wrong in the preview: often windows-1252."
    >
      <Input
        list="encodings"
        placeholder="utf-8, or as the file’s byte-order mark says"
        value={draft.encoding}
        onChange={(event) => onChange({ ...draft, encoding: event.target.value })}
      />
      <datalist id="encodings">
        {ENCODINGS.map((encoding) => (
          <option key={encoding} value={encoding} />
        ))}
      </datalist>
    </Field>
  )
}

function DateFormatField({ draft, onChange, preset }: OptionProps) {
  const known = preset?.options.date_format?.join('\n')
  return (
    <Field
      label="Format of times"
      optional
      pointer="/options/date_format"
      hint="As in strftime, such as %d.%m.%Y %H:%M. Of several, one a line, the first that fits is used."
    >
      <Textarea
        mono
        rows={2}
        placeholder={known ?? '2026-05-03, or 2026-05-03T10:12:44Z'}
        value={draft.dateFormats}
        onChange={(event) => onChange({ ...draft, dateFormats: event.target.value })}
      />
    </Field>
  )
}

function AmountFields({ draft, onChange, preset }: OptionProps) {
  const { decimal, amount_unit: unit } = preset?.options ?? {}
  return (
    <>
      <Field label="Amounts are written" pointer="/options/decimal">
        <Select
          value={draft.decimal}
          onChange={(event) =>
            onChange({ ...draft, decimal: event.target.value as LayoutDraft['decimal'] })
          }
        >
          <option value="">
            {decimal ? 'As known of this export' : 'As plain numbers: 1234.50'}
          </option>
          <option value="point">For people, with a point: $1,234.50</option>
          <option value="comma">For people, with a comma: 1.234,50 €</option>
        </Select>
      </Field>
      <Field label="Amounts are in" pointer="/options/amount_unit">
        <Select
          value={draft.amountUnit}
          onChange={(event) =>
            onChange({
              ...draft,
              amountUnit: event.target.value as LayoutDraft['amountUnit'],
            })
          }
        >
          <option value="">
            {unit ? 'As known of this export' : 'Whole units: 12.50 is 12.50'}
          </option>
          {unit && <option value="major">Whole units: 12.50 is 12.50</option>}
          <option value="minor">Minor units, such as cents: 1250 is 12.50</option>
        </Select>
      </Field>
    </>
  )
}

function TagField({ draft, onChange, preset }: OptionProps) {
  return (
    <Field
      label="Tags are separated by"
      optional
      pointer="/options/tag_separator"
      hint="One character."
    >
      <Input
        maxLength={1}
        className="max-w-24"
        placeholder={preset?.options.tag_separator ?? ';'}
        value={draft.tagSeparator}
        onChange={(event) => onChange({ ...draft, tagSeparator: event.target.value })}
      />
    </Field>
  )
}
