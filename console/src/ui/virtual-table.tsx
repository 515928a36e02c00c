import { useVirtualizer } from '@tanstack/react-virtual'
import {
  type KeyboardEvent,
  type ReactNode,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from 'react'
import { useLocation } from 'react-router'
import { cx } from './cx'
import { Problem } from './problem'
import { ErrorState, Skeleton } from './state'
import { type Column, HEAD, ROW_HOVER, RowLink, shownColumns, useOpenRow } from './table'
import { useWide } from './wide'

const ROW = 40
const TOUCH_ROW = 48

/** Where each table was scrolled to, by its place in the history. */
const positions = new Map<string, number>()

/**
 * A table of any length: it draws only the rows in view, reads the next page before its
 * end comes into view, and is where it was after the back button.
 */
export function VirtualTable<Row>({
  label,
  columns,
  query,
  rowKey,
  rowLink,
  total,
  empty,
  className,
}: {
  label: string
  columns: Column<Row>[]
  /** A list, as `useApiList` returns it. */
  query: {
    items: readonly Row[] | undefined
    error: unknown
    refetch: () => unknown
    hasNextPage: boolean
    isFetchingNextPage: boolean
    isFetchNextPageError: boolean
    fetchNextPage: () => unknown
  }
  rowKey: (row: Row) => string
  rowLink?: (row: Row) => string | undefined
  /** Number of all rows, if it is known. */
  total?: number
  /** What to show without rows. */
  empty: ReactNode
  /** Height of the table, such as `h-[60dvh]`. */
  className?: string
}) {
  const frame = useRef<HTMLDivElement>(null)
  const open = useOpenRow()
  const rows = query.items ?? []
  const wide = useWide()
  const shown = shownColumns(columns, wide)
  const [rowHeight] = useState(() =>
    window.matchMedia('(pointer: coarse), (width < 40rem)').matches ? TOUCH_ROW : ROW,
  )
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    getItemKey: (index) => rowKey(rows[index] as Row),
  })
  const drawn = virtual.getVirtualItems()
  useScrollMemory(frame, rows.length)

  const { hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage } = query
  const lastDrawn = drawn.at(-1)?.index ?? -1
  useEffect(() => {
    const near = rows.length > 0 && lastDrawn >= rows.length - 30
    if (near && hasNextPage && !isFetchingNextPage && !isFetchNextPageError)
      void fetchNextPage()
  }, [
    lastDrawn,
    rows.length,
    hasNextPage,
    isFetchingNextPage,
    isFetchNextPageError,
    fetchNextPage,
  ])

  function move(event: KeyboardEvent<HTMLElement>) {
    const row = document.activeElement?.closest<HTMLElement>('[data-index]')
    if (!row || !event.currentTarget.contains(row)) return
    const at = Number(row.dataset.index)
    const page = Math.max(
      1,
      Math.floor((frame.current?.clientHeight ?? 0) / rowHeight) - 1,
    )
    const to = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: rows.length - 1,
    }[event.key]
    if (to === undefined) return
    event.preventDefault()
    const target = Math.max(0, Math.min(to, rows.length - 1))
    virtual.scrollToIndex(target)
    // The row is drawn in the next frame if it was out of view.
    requestAnimationFrame(() =>
      frame.current
        ?.querySelector<HTMLElement>(`[data-index="${target}"] [data-row-link]`)
        ?.focus({ preventScroll: true }),
    )
  }

  const template = { gridTemplateColumns: shown.map((c) => c.width ?? '1fr').join(' ') }
  const retry = () => void query.refetch()
  if (query.error && !query.items) {
    return (
      <div className="p-4">
        <ErrorState error={query.error} onRetry={retry} />
      </div>
    )
  }
  // An error of a repeated read; that of the next page stands at the end of the rows.
  const outdated = query.error && !isFetchNextPageError && (
    <div className="p-4">
      <Problem error={query.error} onRetry={retry} />
    </div>
  )
  if (query.items && rows.length === 0) {
    return (
      <>
        {outdated}
        {empty}
      </>
    )
  }
  return (
    <>
      {outdated}
      <div
        ref={frame}
        role="table"
        aria-label={label}
        aria-rowcount={query.hasNextPage ? (total ?? -1) : rows.length + 1}
        tabIndex={0}
        onKeyDown={move}
        className={cx(
          'relative overflow-auto focus-visible:-outline-offset-2',
          className ?? 'h-[calc(100dvh-15rem)] min-h-80',
        )}
      >
        <div>
          <div role="rowgroup" className="sticky top-0 z-1 bg-surface">
            <div role="row" className="grid" style={template} aria-rowindex={1}>
              {shown.map((column) => (
                <div
                  key={column.id}
                  role="columnheader"
                  className={cx(
                    HEAD,
                    'flex items-center',
                    column.align === 'end' && 'justify-end',
                  )}
                >
                  {column.header}
                </div>
              ))}
            </div>
          </div>
          <div
            role="rowgroup"
            className="relative"
            style={{ height: query.items ? virtual.getTotalSize() : undefined }}
          >
            {!query.items &&
              Array.from({ length: 12 }, (_, line) => (
                <div key={line} className="flex h-10 items-center px-4">
                  <Skeleton className="h-4 w-full" />
                </div>
              ))}
            {drawn.map((item) => {
              const row = rows[item.index] as Row
              const to = rowLink?.(row)
              return (
                <div
                  key={item.key}
                  role="row"
                  aria-rowindex={item.index + 2}
                  data-index={item.index}
                  onClick={(event) => open(event, to)}
                  className={cx(
                    'absolute inset-x-0 top-0 grid items-center border-b border-line',
                    to && ROW_HOVER,
                  )}
                  style={{
                    ...template,
                    height: item.size,
                    transform: `translateY(${item.start}px)`,
                  }}
                >
                  {shown.map((column, index) => (
                    <div
                      key={column.id}
                      role="cell"
                      className={cx(
                        'min-w-0 truncate px-3 py-0.5 first:pl-4 last:pr-4',
                        column.align === 'end' && 'text-right',
                      )}
                    >
                      {index === 0 && to ? (
                        <RowLink to={to}>{column.cell(row)}</RowLink>
                      ) : (
                        column.cell(row)
                      )}
                    </div>
                  ))}
                </div>
              )
            })}
          </div>
          {query.isFetchNextPageError ? (
            <div className="p-3">
              <Problem error={query.error} onRetry={() => void query.fetchNextPage()} />
            </div>
          ) : (
            query.isFetchingNextPage && (
              <p role="status" className="px-4 py-2 text-sm text-muted">
                Loading more…
              </p>
            )
          )}
        </div>
      </div>
    </>
  )
}

function useScrollMemory(frame: React.RefObject<HTMLDivElement | null>, rows: number) {
  const { key } = useLocation()
  const restored = useRef<string | null>(null)
  useLayoutEffect(() => {
    const element = frame.current
    if (!element || rows === 0 || restored.current === key) return
    restored.current = key
    element.scrollTop = positions.get(key) ?? 0
  }, [frame, key, rows])
  useEffect(() => {
    const element = frame.current
    if (!element) return
    const remember = () => positions.set(key, element.scrollTop)
    element.addEventListener('scroll', remember, { passive: true })
    return () => element.removeEventListener('scroll', remember)
    // The frame is another element once there are rows.
  }, [frame, key, rows > 0])
}
