import {
  type ComponentProps,
  type ReactNode,
  useEffect,
  useId,
  useRef,
  useState,
} from 'react'
import { cx } from './cx'
import { useFieldInput } from './form'
import { Icon } from './icon'

const BOX = cx(
  'w-full min-w-0 rounded-md border border-line-strong bg-raised text-fg',
  'disabled:opacity-60 aria-invalid:border-bad',
)
const LINE = 'h-8 px-2.5 touch:h-11'

export function Input({ className, ...rest }: ComponentProps<'input'>) {
  return (
    <input
      type="text"
      autoComplete="off"
      {...useFieldInput()}
      className={cx(BOX, LINE, className)}
      {...rest}
    />
  )
}

export function Textarea({
  className,
  mono = false,
  ...rest
}: ComponentProps<'textarea'> & { mono?: boolean }) {
  return (
    <textarea
      rows={4}
      {...useFieldInput()}
      className={cx(BOX, 'px-2.5 py-1.5', mono && 'font-mono text-sm', className)}
      {...rest}
    />
  )
}

/** The browser's own select: it works with every keyboard and every phone. */
export function Select({ className, children, ...rest }: ComponentProps<'select'>) {
  return (
    <span className={cx('relative inline-flex min-w-0', className)}>
      <select
        {...useFieldInput()}
        className={cx(BOX, LINE, 'appearance-none truncate pr-8')}
        {...rest}
      >
        {children}
      </select>
      <Icon
        name="down"
        className="pointer-events-none absolute top-1/2 right-2 -translate-y-1/2 text-muted"
      />
    </span>
  )
}

/** A search that follows what is typed after a short pause, such as into the URL. */
export function SearchInput({
  value,
  onChange,
  label,
  placeholder = label,
  pause = 250,
  className,
}: {
  value: string
  onChange: (value: string) => void
  label: string
  placeholder?: string
  /** Milliseconds after the last key. */
  pause?: number
  className?: string
}) {
  const [text, setText] = useState(value)
  const told = useRef(value)
  const change = useRef(onChange)
  change.current = onChange
  // The back button changes the value from outside.
  useEffect(() => {
    if (value !== told.current) {
      told.current = value
      setText(value)
    }
  }, [value])
  useEffect(() => {
    if (text === told.current) return
    const timer = setTimeout(() => {
      told.current = text
      change.current(text)
    }, pause)
    return () => clearTimeout(timer)
  }, [text, pause])
  return (
    <span className={cx('relative inline-flex min-w-0', className)}>
      <Icon
        name="search"
        className="pointer-events-none absolute top-1/2 left-2.5 -translate-y-1/2 text-muted"
      />
      <input
        type="search"
        aria-label={label}
        placeholder={placeholder}
        autoComplete="off"
        spellCheck={false}
        value={text}
        onChange={(event) => setText(event.target.value)}
        className={cx(BOX, LINE, 'pl-8')}
      />
    </span>
  )
}

interface ChoiceProps {
  label: ReactNode
  hint?: ReactNode
}

export function Checkbox({
  label,
  hint,
  className,
  ...rest
}: ComponentProps<'input'> & ChoiceProps) {
  const id = useId()
  return (
    <div
      className={cx(
        'flex items-start gap-2 touch:min-h-11 touch:items-center',
        className,
      )}
    >
      <input
        id={id}
        type="checkbox"
        aria-describedby={hint ? `${id}-hint` : undefined}
        className="mt-0.5 size-4 shrink-0 accent-accent touch:mt-0 touch:size-5"
        {...rest}
      />
      <div>
        <label htmlFor={id}>{label}</label>
        {hint && (
          <p id={`${id}-hint`} className="text-sm text-muted">
            {hint}
          </p>
        )}
      </div>
    </div>
  )
}

export interface Choice<Value extends string> {
  value: Value
  label: ReactNode
  hint?: ReactNode
  disabled?: boolean
}

export function RadioGroup<Value extends string>({
  label,
  hideLabel = false,
  value,
  onChange,
  choices,
  inline = false,
}: {
  label: ReactNode
  hideLabel?: boolean
  value: Value | null
  onChange: (value: Value) => void
  choices: Choice<Value>[]
  inline?: boolean
}) {
  const name = useId()
  return (
    <fieldset className="flex min-w-0 flex-col gap-1.5">
      <legend className={cx('mb-1.5 font-medium', hideLabel && 'sr-only')}>
        {label}
      </legend>
      <div
        className={cx('flex', inline ? 'flex-wrap gap-x-5 gap-y-1' : 'flex-col gap-1.5')}
      >
        {choices.map((choice) => (
          <div
            key={choice.value}
            className="flex items-start gap-2 touch:min-h-11 touch:items-center"
          >
            <input
              id={`${name}-${choice.value}`}
              type="radio"
              name={name}
              value={choice.value}
              checked={choice.value === value}
              disabled={choice.disabled}
              aria-describedby={choice.hint ? `${name}-${choice.value}-hint` : undefined}
              onChange={() => onChange(choice.value)}
              className="mt-0.5 size-4 shrink-0 accent-accent touch:mt-0 touch:size-5"
            />
            <div>
              <label htmlFor={`${name}-${choice.value}`}>{choice.label}</label>
              {choice.hint && (
                <p
                  id={`${name}-${choice.value}-hint`}
                  className="text-sm text-muted"
                  onClick={() => {
                    if (!choice.disabled) onChange(choice.value)
                  }}
                >
                  {choice.hint}
                </p>
              )}
            </div>
          </div>
        ))}
      </div>
    </fieldset>
  )
}

/** A choice of few, all in view: for filters and ways of looking at the same thing. */
export function Segmented<Value extends string>({
  label,
  value,
  onChange,
  choices,
  className,
}: {
  label: string
  value: Value
  onChange: (value: Value) => void
  choices: { value: Value; label: ReactNode }[]
  className?: string
}) {
  return (
    <div
      role="group"
      aria-label={label}
      className={cx(
        'inline-flex max-w-full overflow-x-auto rounded-md border border-line-strong bg-raised p-0.5',
        className,
      )}
    >
      {choices.map((choice) => (
        <button
          key={choice.value}
          type="button"
          aria-pressed={choice.value === value}
          onClick={() => onChange(choice.value)}
          className={cx(
            'h-6.5 rounded-[5px] px-2.5 text-sm whitespace-nowrap focus-visible:-outline-offset-2 touch:h-10 touch:px-3',
            choice.value === value
              ? 'bg-accent-soft font-medium text-accent'
              : 'text-muted hover:text-fg',
          )}
        >
          {choice.label}
        </button>
      ))}
    </div>
  )
}
