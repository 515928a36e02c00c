import type { ReactNode } from 'react'
import { isNotFound } from '@/api/error'
import { ButtonLink } from './button'
import { cx } from './cx'
import { Icon, type IconName } from './icon'
import { Problem } from './problem'

/** Nothing is there yet: why, and what to do. */
export function EmptyState({
  icon,
  title,
  actions,
  children,
}: {
  icon?: IconName
  title: ReactNode
  actions?: ReactNode
  children?: ReactNode
}) {
  return (
    <div className="flex flex-col items-center gap-2 px-4 py-12 text-center">
      {icon && (
        <span className="mb-1 flex size-10 items-center justify-center rounded-full bg-sunken text-muted">
          <Icon name={icon} className="size-5" />
        </span>
      )}
      <p className="text-lg font-medium">{title}</p>
      {children && <div className="max-w-md text-muted">{children}</div>}
      {actions && (
        <div className="mt-2 flex flex-wrap justify-center gap-2">{actions}</div>
      )}
    </div>
  )
}

/** A read failed: what the API says, and another try. */
export function ErrorState({
  error,
  onRetry,
  back,
}: {
  error: unknown
  onRetry?: () => void
  /** Where to go when what was asked for does not exist. */
  back?: { label: string; to: string }
}) {
  if (back && isNotFound(error)) {
    return (
      <EmptyState
        icon="search"
        title="Not found"
        actions={<ButtonLink to={back.to}>{back.label}</ButtonLink>}
      >
        {error instanceof Error ? error.message : null}
      </EmptyState>
    )
  }
  return <Problem error={error} onRetry={onRetry} />
}

export function Skeleton({ className }: { className?: string }) {
  return (
    <span
      className={cx('block animate-pulse rounded bg-line', className ?? 'h-4 w-full')}
    />
  )
}

/** Stands for content that is on its way, and says so to readers. */
export function Loading({
  lines = 5,
  label = 'Loading',
}: {
  lines?: number
  label?: string
}) {
  return (
    <div role="status" className="flex flex-col gap-3 py-2">
      <span className="sr-only">{label}</span>
      {Array.from({ length: lines }, (_, line) => (
        <Skeleton key={line} className={cx('h-4', line % 3 === 2 ? 'w-2/3' : 'w-full')} />
      ))}
    </div>
  )
}

interface ReadState<Data> {
  data: Data | undefined
  error: unknown
  refetch: () => unknown
}

/**
 * Shows a read: loading, its error, or its data. An error of a repeated read stands above
 * the data that is already there.
 */
export function Read<Data>({
  query,
  back,
  lines,
  flush = false,
  children,
}: {
  query: ReadState<Data>
  back?: { label: string; to: string }
  lines?: number
  /** It stands in a card without a margin, which its data reaches the border of. */
  flush?: boolean
  children: (data: Data) => ReactNode
}) {
  const retry = () => void query.refetch()
  if (query.data === undefined) {
    const state = query.error ? (
      <ErrorState error={query.error} onRetry={retry} back={back} />
    ) : (
      <Loading lines={lines} />
    )
    return flush ? <div className="p-4">{state}</div> : state
  }
  return (
    <>
      {query.error ? (
        <div className={flush ? 'p-4' : 'mb-3'}>
          <Problem error={query.error} onRetry={retry} />
        </div>
      ) : null}
      {children(query.data)}
    </>
  )
}
