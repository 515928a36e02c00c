import { type ReactNode, useEffect } from 'react'
import { Link, NavLink } from 'react-router'
import { cx } from './cx'
import { Icon } from './icon'

/** The head of a screen: where it is, what it shows, what can be done. */
export function PageHeader({
  title,
  documentTitle,
  breadcrumbs = [],
  badge,
  description,
  actions,
}: {
  title: ReactNode
  /** Title of the browser's tab, where `title` is not a text. */
  documentTitle?: string
  breadcrumbs?: { label: ReactNode; to: string }[]
  badge?: ReactNode
  description?: ReactNode
  actions?: ReactNode
}) {
  const text = documentTitle ?? (typeof title === 'string' ? title : null)
  useEffect(() => {
    if (text) document.title = `${text} · Patron`
  }, [text])
  return (
    <header className="mb-4 flex flex-col gap-1">
      {breadcrumbs.length > 0 && (
        <nav aria-label="Breadcrumbs">
          <ol className="flex flex-wrap items-center gap-1 text-sm text-muted">
            {breadcrumbs.map((crumb) => (
              <li key={crumb.to} className="flex items-center gap-1">
                <Link
                  to={crumb.to}
                  className="rounded hover:text-fg hover:underline touch:py-3"
                >
                  {crumb.label}
                </Link>
                <Icon name="right" className="size-3" />
              </li>
            ))}
          </ol>
        </nav>
      )}
      <div className="flex flex-wrap items-start justify-between gap-x-4 gap-y-2">
        <div className="flex min-w-0 flex-wrap items-center gap-x-3 gap-y-1">
          <h1 className="min-w-0 text-xl font-semibold wrap-anywhere">{title}</h1>
          {badge}
        </div>
        {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </div>
      {description && <div className="max-w-3xl text-muted">{description}</div>}
    </header>
  )
}

/** The parts of a screen, as links. */
export function Tabs({
  label,
  tabs,
}: {
  label: string
  tabs: { label: ReactNode; to: string; end?: boolean }[]
}) {
  return (
    <nav
      aria-label={label}
      className="mb-4 flex gap-5 overflow-x-auto overflow-y-hidden border-b border-line"
    >
      {tabs.map((tab) => (
        <NavLink
          key={tab.to}
          to={tab.to}
          end={tab.end ?? true}
          preventScrollReset
          className={({ isActive }) =>
            cx(
              '-mb-px border-b-2 px-0.5 py-1.5 whitespace-nowrap focus-visible:-outline-offset-2 touch:py-3',
              isActive
                ? 'border-accent font-medium text-fg'
                : 'border-transparent text-muted hover:text-fg',
            )
          }
        >
          {tab.label}
        </NavLink>
      ))}
    </nav>
  )
}

export function Card({
  title,
  actions,
  flush = false,
  className,
  children,
}: {
  title?: ReactNode
  actions?: ReactNode
  /** Its content reaches its border, as a table does. */
  flush?: boolean
  className?: string
  children: ReactNode
}) {
  return (
    <section
      className={cx(
        'flex min-w-0 flex-col rounded-lg border border-line bg-surface',
        className,
      )}
    >
      {(title || actions) && (
        <header
          className={cx(
            'flex min-h-10 flex-wrap items-center justify-between gap-x-2 px-4 pt-3',
            flush && 'pb-2',
          )}
        >
          <h2 className="min-w-0 text-base font-semibold">{title}</h2>
          {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
        </header>
      )}
      <div className={cx('min-w-0', flush ? 'grow' : 'grow px-4 pt-2.5 pb-4')}>
        {children}
      </div>
    </section>
  )
}

/** Names and values in two columns; one below the other where there is no room. */
export function Definitions({
  items,
  wide = false,
}: {
  items: { term: ReactNode; value: ReactNode; hidden?: boolean }[]
  /** Two pairs beside each other on a wide screen. */
  wide?: boolean
}) {
  return (
    <dl className={cx('grid gap-x-6', wide ? 'lg:grid-cols-2' : '')}>
      {items
        .filter((item) => !item.hidden)
        .map((item, index) => (
          <div
            key={index}
            className="grid grid-cols-[minmax(7rem,10rem)_1fr] gap-3 border-b border-line py-1.5 last:border-0"
          >
            <dt className="text-muted">{item.term}</dt>
            <dd className="min-w-0 wrap-anywhere [&_time]:whitespace-normal">
              {item.value ?? <None />}
            </dd>
          </div>
        ))}
    </dl>
  )
}

/** Stands for a value that is not there. */
export function None({ text = 'none' }: { text?: string }) {
  return (
    <span className="text-muted">
      <span aria-hidden="true">–</span>
      <span className="sr-only">{text}</span>
    </span>
  )
}
