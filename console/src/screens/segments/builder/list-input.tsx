import { useId, useState } from 'react'
import { Input } from '@/ui/input'
import type { Scalar } from './rules'

interface ListInputProps {
  values: Scalar[]
  /** Gets how to change the values as they are now. */
  onChange: (edit: (values: Scalar[]) => Scalar[]) => void
  toText: (value: Scalar) => string
  toValue: (typed: string) => Scalar
  suggestions: string[]
  hint: string
}

/** Values of a list. Enter adds what is typed; a pasted text adds each of its lines. */
export function ListInput(props: ListInputProps) {
  const { values, onChange, toText, toValue, suggestions, hint } = props
  const [typed, setTyped] = useState('')
  const listId = useId()
  const add = (text: string) => {
    const lines = text.split('\n').map((line) => line.trim())
    const added = lines.filter((line) => line !== '').map(toValue)
    if (added.length > 0) {
      onChange((now) => [...now, ...added.filter((value) => !now.includes(value))])
    }
    setTyped('')
  }
  return (
    <div className="flex min-w-52 flex-1 flex-wrap items-center gap-1.5">
      {values.map((value, index) => (
        <span
          key={`${index}-${String(value)}`}
          className="inline-flex items-center gap-1 rounded bg-sunken py-1 pl-2 text-sm"
        >
          {toText(value)}
          <button
            type="button"
            className="rounded px-1.5 text-muted hover:text-fg touch:min-h-11 touch:min-w-11"
            aria-label={`Remove ${toText(value)}`}
            onClick={() => onChange((now) => without(now, now.indexOf(value)))}
          >
            ×
          </button>
        </span>
      ))}
      <span className="min-w-36 flex-1">
        <Input
          aria-label="Add a value"
          placeholder={hint ? `Add a value (${hint})` : 'Add a value'}
          value={typed}
          list={suggestions.length > 0 ? listId : undefined}
          onChange={(event) => setTyped(event.currentTarget.value)}
          onPaste={(event) => {
            const text = event.clipboardData.getData('text')
            if (!text.includes('\n')) return
            event.preventDefault()
            add(text)
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter') {
              event.preventDefault()
              add(typed)
            } else if (event.key === 'Backspace' && typed === '') {
              onChange((now) => now.slice(0, -1))
            }
          }}
          onBlur={() => add(typed)}
        />
      </span>
      {suggestions.length > 0 && (
        <datalist id={listId}>
          {suggestions.map((suggestion) => (
            <option key={suggestion} value={suggestion} />
          ))}
        </datalist>
      )}
    </div>
  )
}

function without(values: Scalar[], index: number): Scalar[] {
  return values.filter((_, at) => at !== index)
}
