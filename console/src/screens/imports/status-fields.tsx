/** What the statuses of a file mean. */
import { Button, IconButton } from '@/ui/button'
import { Input, Select } from '@/ui/input'
import { FieldErrors } from './field-errors'
import type { StatusChoice } from './layout-draft'

const MEANINGS: Record<string, string> = {
  placed: 'Placed: counts',
  cancelled: 'Canceled: does not count',
  refunded: 'Refunded: does not count',
  skip: 'Left out',
}

export function StatusFields({
  statuses,
  known,
  onChange,
}: {
  statuses: StatusChoice[]
  /** Statuses that the preset knows. */
  known: Record<string, string>
  onChange: (statuses: StatusChoice[]) => void
}) {
  const set = (at: number, change: Partial<StatusChoice>) =>
    onChange(statuses.map((old, index) => (index === at ? { ...old, ...change } : old)))
  return (
    <fieldset className="flex min-w-0 flex-col gap-2 lg:col-span-2">
      <legend className="mb-1.5 font-medium">
        Statuses of orders<span className="font-normal text-muted"> (optional)</span>
      </legend>
      {Object.keys(known).length > 0 && (
        <ul className="flex flex-wrap gap-x-4 gap-y-1 text-sm text-muted">
          {Object.entries(known).map(([text, means]) => (
            <li key={text}>
              <code className="font-mono text-fg">{text}</code>{' '}
              {(MEANINGS[means] ?? means).split(':')[0]?.toLowerCase()}
            </li>
          ))}
        </ul>
      )}
      {statuses.map((status, at) => (
        <div key={at} className="flex flex-wrap items-center gap-2">
          <Input
            aria-label={`Status ${at + 1} of the file`}
            placeholder="As in the file, such as paid"
            className="sm:max-w-60"
            value={status.text}
            onChange={(event) => set(at, { text: event.target.value })}
          />
          <Select
            aria-label={`Meaning of status ${at + 1}`}
            value={status.means}
            onChange={(event) => set(at, { means: event.target.value })}
          >
            {Object.entries(MEANINGS).map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </Select>
          <IconButton
            icon="trash"
            label={`Remove ${status.text || `row ${at + 1}`}`}
            onClick={() => onChange(statuses.filter((_, index) => index !== at))}
          />
        </div>
      ))}
      <FieldErrors pointer="/options/status" />
      <div>
        <Button
          small
          icon="plus"
          onClick={() => onChange([...statuses, { text: '', means: 'placed' }])}
        >
          Add a status
        </Button>
      </div>
    </fieldset>
  )
}
