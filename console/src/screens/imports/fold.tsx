import { type ReactNode, useEffect, useRef, useState } from 'react'
import { Icon } from '@/ui/icon'

/** Something that few people need: closed until it is asked for, or has a fault. */
export function Fold({
  title,
  open = false,
  error,
  children,
}: {
  title: ReactNode
  /** Open at first. */
  open?: boolean
  /** The error of the form that it is in. */
  error?: unknown
  children: ReactNode
}) {
  const details = useRef<HTMLDetailsElement>(null)
  // Later it is the browser's: a person has opened or closed it.
  const [isOpen] = useState(open)
  useEffect(() => {
    const element = details.current
    if (error && element?.querySelector('[aria-invalid], [data-fault]')) {
      element.open = true
    }
  }, [error])
  return (
    <details ref={details} className="group min-w-0" open={isOpen}>
      <summary className="inline-flex items-center gap-1 rounded-sm font-medium marker:content-none touch:min-h-11">
        <Icon name="right" className="transition-transform group-open:rotate-90" />
        {title}
      </summary>
      <div className="pt-3">{children}</div>
    </details>
  )
}
