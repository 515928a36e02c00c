import { useRef } from 'react'
import { Icon } from '@/ui/icon'
import { Textarea } from '@/ui/input'
import { textErrors, type RuleErrors, type TextError } from './answer'

/** The rules as text. Each error leads to its place. */
export function TextPane({
  text,
  onChange,
  errors,
  isLead,
}: {
  text: string
  onChange: (text: string) => void
  errors: RuleErrors
  /** Otherwise the errors stand beside the rows that were edited. */
  isLead: boolean
}) {
  const input = useRef<HTMLTextAreaElement>(null)
  const found = isLead ? textErrors(errors, text) : []
  const show = ({ span }: TextError) => {
    input.current?.focus()
    input.current?.setSelectionRange(span.from, span.to)
  }
  return (
    <div className="flex flex-col gap-1">
      <Textarea
        ref={input}
        mono
        aria-label="Rules as text"
        aria-invalid={found.length > 0 || undefined}
        aria-describedby="rules-text-errors"
        rows={4}
        className="field-sizing-content max-h-72 min-h-20"
        spellCheck={false}
        autoCapitalize="off"
        placeholder='total_spend > 100000 AND (visits < 3 OR city = "Rome")'
        value={text}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
      <ul
        id="rules-text-errors"
        aria-live="polite"
        className="flex flex-col gap-0.5 text-sm text-bad"
      >
        {found.map((error, index) => (
          <li key={`${index}-${error.message}`} className="flex gap-1.5 wrap-anywhere">
            <Icon name="warning" className="mt-px" />
            <span>
              {error.message}{' '}
              <button
                type="button"
                className="rounded-sm underline underline-offset-2 touch:min-h-11"
                onClick={() => show(error)}
              >
                Show in the text
              </button>
            </span>
          </li>
        ))}
      </ul>
    </div>
  )
}
