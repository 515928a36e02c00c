import type { ReactNode } from 'react'
import { Link as RouterLink, type LinkProps } from 'react-router'
import { cx } from './cx'
import { Icon } from './icon'

const TEXT =
  'text-accent underline decoration-accent/40 underline-offset-2 hover:decoration-accent'

/** A link to another screen of the console. */
export function TextLink({ className, ...rest }: LinkProps) {
  return <RouterLink className={cx(TEXT, className)} {...rest} />
}

/** A link that leaves the console, such as to the description of the API. */
export function OutLink({ href, children }: { href: string; children: ReactNode }) {
  return (
    <a href={href} className={cx(TEXT, 'inline-flex items-center gap-1')}>
      {children}
      <Icon name="external" className="size-3.5" />
    </a>
  )
}
