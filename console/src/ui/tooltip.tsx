import { type ReactNode, useId, useRef } from 'react'
import { cx } from './cx'

/** An explanation that appears while its subject is pointed at or focused. */
export function Tooltip({
  text,
  children,
  className,
}: {
  text: ReactNode
  children: ReactNode
  className?: string
}) {
  const id = useId()
  const subject = useRef<HTMLButtonElement>(null)
  const popover = useRef<HTMLSpanElement>(null)
  function show() {
    const tip = popover.current
    if (!tip || !subject.current || tip.matches(':popover-open')) return
    tip.showPopover()
    const anchor = subject.current.getBoundingClientRect()
    const { width, height } = tip.getBoundingClientRect()
    const above = anchor.top > height + 10
    tip.style.top = `${above ? anchor.top - height - 6 : anchor.bottom + 6}px`
    const left = anchor.left + anchor.width / 2 - width / 2
    tip.style.left = `${Math.max(8, Math.min(left, window.innerWidth - width - 8))}px`
  }
  function hide() {
    if (popover.current?.matches(':popover-open')) popover.current.hidePopover()
  }
  return (
    <>
      <button
        ref={subject}
        type="button"
        aria-describedby={id}
        onMouseEnter={show}
        onMouseLeave={hide}
        onFocus={show}
        onBlur={hide}
        onKeyDown={(event) => event.key === 'Escape' && hide()}
        className={cx(
          'cursor-help rounded-sm underline decoration-muted decoration-dotted underline-offset-3',
          className,
        )}
      >
        {children}
      </button>
      <span
        ref={popover}
        id={id}
        role="tooltip"
        popover="manual"
        className="fixed inset-auto m-0 max-w-72 rounded-md border border-line-strong bg-raised px-2.5 py-1.5 text-left text-sm font-normal whitespace-normal text-fg shadow-lg shadow-(color:--shadow)"
      >
        {text}
      </span>
    </>
  )
}
