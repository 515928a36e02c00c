import { type KeyboardEvent, type MouseEvent, type ReactNode, useId } from 'react'
import { Link, useNavigate } from 'react-router'
import { Button } from './button'
import { cx } from './cx'
import { useWide } from './wide'

export interface Column<Row> {
  id: string
  header: ReactNode
  cell: (row: Row) => ReactNode
  /** Numbers stand at the end, so that their digits are below each other. */
  align?: 'start' | 'end'
  /** Left out on a narrow screen. */
  wideOnly?: boolean
  /** Left out on a wide screen, such as a short form of a column that is `wideOnly`. */
  narrowOnly?: boolean
  /** Width of the column, in a `VirtualTable` as a track of a grid: `8rem`, `2fr`. */
  width?: string
}

export function shownColumns<Row>(
  columns: readonly Column<Row>[],
  wide: boolean,
): Column<Row>[] {
  return columns.filter((column) => !(wide ? column.narrowOnly : column.wideOnly))
}

/** Clicks on these act on their own. */
const INTERACTIVE = 'a, button, input, select, textarea, label, summary, [role="menu"]'

/** Opens a row by a click anywhere on it, unless the click had another meaning. */
export function useOpenRow() {
  const navigate = useNavigate()
  return (event: MouseEvent, to: string | undefined) => {
    if (!to || event.defaultPrevented || event.button !== 0) return
    if ((event.target as Element).closest(INTERACTIVE)) return
    // Marking a text is no click.
    if (window.getSelection()?.toString()) return
    if (event.metaKey || event.ctrlKey) window.open(to, '_blank')
    else navigate(to)
  }
}

/** Moves between rows with the arrow keys; Enter follows the row's own link. */
function moveBetweenRows(event: KeyboardEvent<HTMLElement>) {
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-row-link]')]
  const at = links.indexOf(document.activeElement as HTMLElement)
  if (at < 0) return
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[
    event.key
  ]
  if (to === undefined) return
  event.preventDefault()
  links[Math.max(0, Math.min(to, links.length - 1))]?.focus()
}

/** The link of a row, in its first cell. */
export function RowLink({ to, children }: { to: string; children: ReactNode }) {
  return (
    <Link
      to={to}
      data-row-link=""
      className="rounded-sm font-medium text-fg hover:underline touch:py-3"
    >
      {children}
    </Link>
  )
}

/**
 * A dense table. With `rowLink` a row opens by a click, and the first cell holds the link
 * itself. It scrolls sideways within its own frame.
 */
export function Table<Row>({
  label,
  columns,
  rows,
  rowKey,
  rowLink,
  footer,
}: {
  /** What the table lists, for readers. */
  label: string
  columns: Column<Row>[]
  rows: readonly Row[]
  rowKey: (row: Row) => string
  rowLink?: (row: Row) => string | undefined
  footer?: ReactNode
}) {
  const open = useOpenRow()
  const id = useId()
  const shown = shownColumns(columns, useWide())
  return (
    <div
      tabIndex={0}
      role="region"
      aria-labelledby={id}
      className="relative overflow-x-auto focus-visible:-outline-offset-2"
      onKeyDown={moveBetweenRows}
    >
      <table className="w-full border-collapse">
        <caption id={id} className="sr-only">
          {label}
        </caption>
        <thead>
          <tr>
            {shown.map((column) => (
              <th
                key={column.id}
                scope="col"
                style={column.width ? { width: column.width } : undefined}
                className={cx(HEAD, alignment(column))}
              >
                {column.header}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const to = rowLink?.(row)
            return (
              <tr
                key={rowKey(row)}
                onClick={(event) => open(event, to)}
                className={cx('border-b border-line last:border-0', to && ROW_HOVER)}
              >
                {shown.map((column, index) => (
                  <td key={column.id} className={cx(CELL, alignment(column))}>
                    {index === 0 && to ? (
                      <RowLink to={to}>{column.cell(row)}</RowLink>
                    ) : (
                      column.cell(row)
                    )}
                  </td>
                ))}
              </tr>
            )
          })}
        </tbody>
      </table>
      {footer}
    </div>
  )
}

export const HEAD =
  'h-8 border-b border-line px-3 text-left text-xs font-medium whitespace-nowrap text-muted first:pl-4 last:pr-4'
const CELL = 'h-10 px-3 py-1.5 first:pl-4 last:pr-4 touch:h-12'
export const ROW_HOVER = 'cursor-pointer hover:bg-hover'

function alignment<Row>(column: Column<Row>): string {
  return column.align === 'end' ? 'text-right' : 'text-left'
}

/** Loads the next page of a list. */
export function LoadMore({
  query,
  label = 'Load more',
}: {
  query: {
    hasNextPage: boolean
    isFetchingNextPage: boolean
    fetchNextPage: () => unknown
  }
  label?: string
}) {
  if (!query.hasNextPage) return null
  return (
    <div className="flex justify-center border-t border-line p-2">
      <Button
        small
        kind="quiet"
        busy={query.isFetchingNextPage}
        onClick={() => void query.fetchNextPage()}
      >
        {label}
      </Button>
    </div>
  )
}
