/**
 * Forms show the API's own answer. `<Form error={mutation.error}>` gives every `<Field>`
 * the faults of its JSON pointer, and `<FormProblem>` shows what no field shows.
 */
import {
  createContext,
  type FormEvent,
  type ReactNode,
  use,
  useCallback,
  useEffect,
  useId,
  useMemo,
  useState,
} from 'react'
import { ApiError, type FieldError } from '@/api/error'
import { cx } from './cx'
import { Icon } from './icon'
import { Problem } from './problem'

interface FormState {
  errors: FieldError[]
  claim: (pointer: string) => () => void
  claimed: ReadonlySet<string>
}

const FormContext = createContext<FormState | null>(null)

/** Faults of single fields in an error. */
export function fieldErrors(error: unknown): FieldError[] {
  return error instanceof ApiError ? error.errors : []
}

/** Returns true if a pointer is the field, or lies within it: `/rules` and `/rules/rules/0`. */
export function isWithin(pointer: string, field: string): boolean {
  return pointer === field || pointer.startsWith(`${field}/`)
}

export function FormErrors({ error, children }: { error: unknown; children: ReactNode }) {
  const [claims, setClaims] = useState<readonly string[]>([])
  const claim = useCallback((pointer: string) => {
    setClaims((all) => [...all, pointer])
    return () =>
      setClaims((all) => {
        const at = all.indexOf(pointer)
        return at < 0 ? all : all.toSpliced(at, 1)
      })
  }, [])
  const errors = useMemo(() => fieldErrors(error), [error])
  const claimed = useMemo(() => new Set(claims), [claims])
  const state = useMemo(() => ({ errors, claim, claimed }), [errors, claim, claimed])
  return <FormContext value={state}>{children}</FormContext>
}

export function Form({
  error,
  onSubmit,
  className,
  children,
}: {
  /** The error of the last submission. */
  error: unknown
  onSubmit: () => void
  className?: string
  children: ReactNode
}) {
  function submit(event: FormEvent) {
    event.preventDefault()
    event.stopPropagation()
    onSubmit()
  }
  return (
    <FormErrors error={error}>
      <form noValidate onSubmit={submit} className={className}>
        {children}
      </form>
    </FormErrors>
  )
}

/** What the API says about the field with this pointer. */
export function useFieldErrors(pointer: string | undefined): string[] {
  const form = use(FormContext)
  const claim = form?.claim
  useEffect(() => (pointer && claim ? claim(pointer) : undefined), [pointer, claim])
  if (!form || !pointer) return []
  return form.errors
    .filter((error) => isWithin(error.pointer, pointer))
    .map((e) => e.detail)
}

/** Shows an error, unless fields of the form already show all that it says. */
export function FormProblem({ error }: { error: unknown }) {
  const form = use(FormContext)
  if (!error) return null
  const errors = fieldErrors(error)
  const rest = errors.filter(
    (fault) =>
      ![...(form?.claimed ?? [])].some((field) => isWithin(fault.pointer, field)),
  )
  if (errors.length > 0 && rest.length === 0) {
    return (
      <p role="alert" className="flex items-center gap-1.5 text-sm text-bad">
        <Icon name="warning" />
        {errors.length === 1 ? 'One field needs a change.' : 'Some fields need a change.'}
      </p>
    )
  }
  return <Problem error={error} faults={rest} />
}

interface FieldIds {
  id: string
  describedBy: string | undefined
  invalid: boolean
}

const FieldContext = createContext<FieldIds | null>(null)

/** Attributes that tie an input to its label, hint and error. */
export function useFieldInput(): {
  id?: string
  'aria-describedby'?: string
  'aria-invalid'?: true
} {
  const field = use(FieldContext)
  if (!field) return {}
  return {
    id: field.id,
    'aria-describedby': field.describedBy,
    ...(field.invalid ? { 'aria-invalid': true as const } : {}),
  }
}

export function Field({
  label,
  hint,
  pointer,
  error,
  optional = false,
  hideLabel = false,
  actions,
  className,
  children,
}: {
  label: ReactNode
  hint?: ReactNode
  /** JSON pointer of the field in the request, such as `/name`. */
  pointer?: string
  /** A fault that the console itself found. */
  error?: string | null
  optional?: boolean
  hideLabel?: boolean
  /** Stands at the end of the label's line. */
  actions?: ReactNode
  className?: string
  children: ReactNode
}) {
  const id = useId()
  const errors = [...(error ? [error] : []), ...useFieldErrors(pointer)]
  const hintId = `${id}-hint`
  const errorId = `${id}-error`
  const describedBy = cx(hint ? hintId : null, errors.length > 0 && errorId) || undefined
  const ids = useMemo(
    () => ({ id, describedBy, invalid: errors.length > 0 }),
    [id, describedBy, errors.length],
  )
  return (
    <div className={cx('flex min-w-0 flex-col gap-1', className)}>
      <div
        className={cx(
          'flex items-baseline justify-between gap-2',
          hideLabel && 'sr-only',
        )}
      >
        <label htmlFor={id} className="font-medium">
          {label}
          {optional && <span className="font-normal text-muted"> (optional)</span>}
        </label>
        {actions}
      </div>
      <FieldContext value={ids}>{children}</FieldContext>
      {errors.length > 0 && (
        <ul
          id={errorId}
          className="flex flex-col gap-0.5 text-sm text-bad"
          aria-live="polite"
        >
          {errors.map((detail) => (
            <li key={detail} className="flex gap-1.5 wrap-anywhere">
              <Icon name="warning" className="mt-px" />
              {detail}
            </li>
          ))}
        </ul>
      )}
      {hint && (
        <div id={hintId} className="text-sm text-muted">
          {hint}
        </div>
      )}
    </div>
  )
}
