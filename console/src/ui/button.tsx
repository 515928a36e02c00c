import type { ComponentProps, ReactNode } from 'react'
import { Link, type LinkProps } from 'react-router'
import { cx } from './cx'
import { Icon, type IconName } from './icon'

export type ButtonKind = 'primary' | 'secondary' | 'quiet' | 'danger'

interface Look {
  kind?: ButtonKind
  small?: boolean
  icon?: IconName
  /** Shows that the action is on its way, and refuses another click. */
  busy?: boolean
}

const KINDS: Record<ButtonKind, string> = {
  primary: 'bg-accent text-on-accent hover:bg-accent-hover border-transparent',
  secondary: 'bg-raised text-fg hover:bg-hover border-line-strong',
  quiet: 'text-muted hover:text-fg hover:bg-hover border-transparent',
  danger: 'bg-bad-fill text-on-bad hover:brightness-110 border-transparent',
}

export function buttonClass(kind: ButtonKind = 'secondary', small = false): string {
  return cx(
    'inline-flex items-center justify-center gap-1.5 rounded-md border font-medium whitespace-nowrap select-none',
    'disabled:cursor-not-allowed disabled:opacity-55 aria-disabled:opacity-55',
    small ? 'h-7 px-2 text-sm touch:h-11 touch:px-3' : 'h-8 px-3 touch:h-11 touch:px-4',
    KINDS[kind],
  )
}

export function Button({
  kind,
  small,
  icon,
  busy = false,
  type = 'button',
  className,
  children,
  disabled,
  ...rest
}: ComponentProps<'button'> & Look) {
  return (
    <button
      type={type}
      className={cx(buttonClass(kind, small), className)}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      {...rest}
    >
      {busy ? <Spinner /> : icon && <Icon name={icon} />}
      {children}
    </button>
  )
}

/** A link that looks like a button: it leads to another screen. */
export function ButtonLink({
  kind,
  small,
  icon,
  className,
  children,
  ...rest
}: LinkProps & Look) {
  return (
    <Link className={cx(buttonClass(kind, small), className)} {...rest}>
      {icon && <Icon name={icon} />}
      {children as ReactNode}
    </Link>
  )
}

/** A button with a drawing alone. The label is read, and shown on hover. */
export function IconButton({
  icon,
  label,
  kind = 'quiet',
  small,
  className,
  ...rest
}: Omit<ComponentProps<'button'>, 'children'> & {
  icon: IconName
  label: string
  kind?: ButtonKind
  small?: boolean
}) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={cx(
        'inline-flex items-center justify-center rounded-md border disabled:opacity-55',
        small ? 'size-7 touch:size-11' : 'size-8 touch:size-11',
        KINDS[kind],
        className,
      )}
      {...rest}
    >
      <Icon name={icon} />
    </button>
  )
}

export function Spinner() {
  return (
    <span
      className="size-3.5 shrink-0 animate-spin rounded-full border-2 border-current border-t-transparent"
      aria-hidden="true"
    />
  )
}
