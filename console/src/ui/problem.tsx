import type { ReactNode } from 'react'
import { ApiError, type FieldError, NetworkError, type SentRequest } from '@/api/error'
import { Button } from './button'
import { CopyButton, CopyCurl } from './copy'
import { Icon } from './icon'

interface Told {
  title: string
  detail: string
  requestId: string | null
  request: SentRequest | null
}

/** What an error says to a person. */
export function describeError(error: unknown): Told {
  if (error instanceof ApiError) {
    return {
      title: error.status === 503 ? 'The server is not ready' : error.title,
      detail: error.detail,
      requestId: error.requestId,
      request: error.request,
    }
  }
  if (error instanceof NetworkError) {
    return {
      title: 'The server cannot be reached',
      detail: 'Check that it runs and that your connection works, then try again.',
      requestId: null,
      request: error.request,
    }
  }
  return {
    title: 'Something went wrong in the console',
    detail: error instanceof Error ? error.message : String(error),
    requestId: null,
    request: null,
  }
}

/** A problem within a screen: what happened, and what to do. */
export function Problem({
  error,
  faults = error instanceof ApiError ? error.errors : [],
  onRetry,
  children,
}: {
  error: unknown
  /** Faults of fields to list. */
  faults?: FieldError[]
  onRetry?: () => void
  children?: ReactNode
}) {
  const { title, detail, requestId, request } = describeError(error)
  return (
    <div
      role="alert"
      className="flex flex-col gap-2 rounded-md border border-bad/40 bg-bad-soft px-3 py-2.5 wrap-anywhere"
    >
      <p className="flex gap-2 font-medium text-bad">
        <Icon name="warning" className="mt-0.5" />
        {title}
      </p>
      {faults.length > 0 ? (
        <ul className="list-disc pl-10 text-sm">
          {faults.map((fault) => (
            <li key={fault.pointer + fault.detail}>
              {fault.pointer && <code className="mr-1 font-mono">{fault.pointer}</code>}
              {fault.detail}
            </li>
          ))}
        </ul>
      ) : (
        <p className="pl-6 text-sm">{detail}</p>
      )}
      {children && <div className="pl-6 text-sm">{children}</div>}
      <div className="flex flex-wrap items-center gap-2 pl-6">
        {onRetry && (
          <Button small icon="refresh" onClick={onRetry}>
            Try again
          </Button>
        )}
        {request && <CopyCurl request={request} />}
        {requestId && (
          <span className="inline-flex items-center gap-1 text-xs text-fg">
            Request <code className="font-mono">{requestId}</code>
            <CopyButton text={requestId} label="Copy the request id" />
          </span>
        )}
      </div>
    </div>
  )
}
