import { useId } from 'react'
import { fromLocalInput, toLocalInput } from '@/format/local-time'
import { Button } from '@/ui/button'
import { Input } from '@/ui/input'

/** Chooses the instant to count at: now, or one in the past. */
export function AsOfPicker({
  value,
  onChange,
}: {
  value: string
  onChange: (value: string | null) => void
}) {
  const id = useId()
  return (
    <div className="flex flex-wrap items-center gap-2">
      <label htmlFor={id} className="text-sm text-muted">
        Count as of
      </label>
      <span className="w-52">
        <Input
          id={id}
          type="datetime-local"
          max={toLocalInput(new Date().toISOString())}
          value={toLocalInput(value)}
          onChange={(event) => {
            // A browser reports no value while a part is still missing.
            const instant = fromLocalInput(event.currentTarget.value)
            if (instant) onChange(instant)
          }}
        />
      </span>
      {value && (
        <Button small kind="quiet" onClick={() => onChange(null)}>
          Now
        </Button>
      )}
    </div>
  )
}
