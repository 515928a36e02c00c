import { type KeyboardEvent, type ReactNode, useId, useRef } from 'react'
import { Link } from 'react-router'
import { cx } from './cx'
import { Icon, type IconName } from './icon'

/** Puts an element of the top layer below its button, or above where there is no room. */
function place(popover: HTMLElement, button: HTMLElement) {
  const anchor = button.getBoundingClientRect()
  const { width, height } = popover.getBoundingClientRect()
  const below = anchor.bottom + 4 + height <= window.innerHeight || anchor.top < height
  popover.style.top = `${below ? anchor.bottom + 4 : anchor.top - 4 - height}px`
  const left =
    anchor.left + width > window.innerWidth - 8 ? anchor.right - width : anchor.left
  popover.style.left = `${Math.max(8, left)}px`
}

/** A button that opens something beside it. A click elsewhere or Escape closes it. */
export function Popup({
  button,
  buttonClass,
  label,
  role,
  children,
  onOpen,
}: {
  button: ReactNode
  buttonClass: string
  /** Name of the button, where its content is not a text. */
  label?: string
  role?: 'menu' | 'dialog'
  children: ReactNode
  onOpen?: (popover: HTMLElement) => void
}) {
  const id = useId()
  const trigger = useRef<HTMLButtonElement>(null)
  const popover = useRef<HTMLDivElement>(null)
  return (
    <>
      <button
        ref={trigger}
        type="button"
        popoverTarget={id}
        aria-haspopup={role}
        aria-label={label}
        title={label}
        className={buttonClass}
      >
        {button}
      </button>
      <div
        ref={popover}
        id={id}
        popover="auto"
        role={role}
        aria-label={role ? label : undefined}
        onToggle={(event) => {
          if (event.newState !== 'open' || !popover.current || !trigger.current) return
          place(popover.current, trigger.current)
          onOpen?.(popover.current)
        }}
        className="fixed inset-auto m-0 min-w-44 rounded-md border border-line-strong bg-raised p-1 text-fg shadow-lg shadow-(color:--shadow)"
      >
        {children}
      </div>
    </>
  )
}

export interface MenuItem {
  label: ReactNode
  icon?: IconName
  danger?: boolean
  disabled?: boolean
  /** Marks the choice that is in effect. */
  checked?: boolean
  to?: string
  onSelect?: () => void
}

const ITEM = cx(
  'flex w-full items-center gap-2 rounded px-2 py-1.5 text-left whitespace-nowrap hover:bg-hover',
  'focus:bg-hover focus-visible:-outline-offset-2 disabled:opacity-55 touch:min-h-11',
)

/** A menu of actions, with the keys of a menu. */
export function Menu({
  button,
  buttonClass,
  label,
  heading,
  items,
}: {
  button: ReactNode
  buttonClass: string
  label: string
  heading?: ReactNode
  items: MenuItem[]
}) {
  function move(event: KeyboardEvent<HTMLDivElement>) {
    const all = [
      ...event.currentTarget.querySelectorAll<HTMLElement>(
        '[role^="menuitem"]:not(:disabled)',
      ),
    ]
    const at = all.indexOf(document.activeElement as HTMLElement)
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[
      event.key
    ]
    if (to === undefined) return
    event.preventDefault()
    all[(to + all.length) % all.length]?.focus()
  }
  const close = (element: HTMLElement) =>
    element.closest<HTMLElement>('[popover]')?.hidePopover()
  return (
    <Popup
      button={button}
      buttonClass={buttonClass}
      label={label}
      role="menu"
      onOpen={(popover) =>
        popover.querySelector<HTMLElement>('[role^="menuitem"]')?.focus()
      }
    >
      {heading && <div className="border-b border-line px-2 pt-1 pb-2">{heading}</div>}
      <div role="presentation" onKeyDown={move}>
        {items.map((item, index) =>
          item.to ? (
            <Link
              key={index}
              to={item.to}
              role="menuitem"
              className={ITEM}
              onClick={(event) => close(event.currentTarget)}
            >
              {item.icon && <Icon name={item.icon} className="text-muted" />}
              {item.label}
            </Link>
          ) : (
            <button
              key={index}
              type="button"
              role={item.checked === undefined ? 'menuitem' : 'menuitemradio'}
              aria-checked={item.checked}
              disabled={item.disabled}
              className={cx(ITEM, item.danger && 'text-bad')}
              onClick={(event) => {
                close(event.currentTarget)
                item.onSelect?.()
              }}
            >
              {item.icon && (
                <Icon name={item.icon} className={item.danger ? '' : 'text-muted'} />
              )}
              <span className="grow">{item.label}</span>
              {item.checked && <Icon name="check" className="text-accent" />}
            </button>
          ),
        )}
      </div>
    </Popup>
  )
}
