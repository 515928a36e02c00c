/** Live counts of rules while they are edited. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useState } from 'react'
import { api, call, callWithResponse, type Schemas } from '@/api/client'
import { ApiError, isTemporary } from '@/api/error'
import { countsByPointer, NO_ERRORS, ruleErrors } from './answer'
import { isUnfinished, rulesForRequest } from './draft'
import type { Rules } from './rules'

export type Preview = Schemas['Preview']

/** How long typing has to pause before the rules are counted. */
const PAUSE = 250

/** How long to wait before a job is asked for its progress again. */
const JOB_POLL = 700

export interface PreviewOptions {
  /** A past instant or day; `null` for now. */
  asOf?: string | null
  sample?: number
  enabled?: boolean
}

/** Rules in the type of the API, which knows the values of each field more exactly. */
export function asSent(rules: Rules): Schemas['Rules'] {
  return rules as Schemas['Rules']
}

/**
 * Counts the customers who match, in total and for each node. A request is aborted when
 * the rules change; until the next answer, the counts of the last one stay, as `isStale`.
 */
export function useRulePreview(value: Rules, options: PreviewOptions = {}) {
  const { asOf = null, sample = 5, enabled = true } = options
  const settled = useSettled(value, PAUSE)
  const rules = useMemo(() => rulesForRequest(settled), [settled])
  const unfinished = isUnfinished(settled) || isUnfinished(value)
  const hasRules = typeof rules !== 'string' || rules.trim() !== ''
  const body = { rules: asSent(rules), as_of: asOf, sample }
  const query = useQuery({
    queryKey: ['/api/segments/preview', body],
    queryFn: ({ signal }) => previewRules(body, signal),
    enabled: enabled && hasRules && !unfinished,
    placeholderData: keepPreviousData,
    staleTime: 5_000,
    retry: (failures, error) => isTemporary(error) && failures < 2,
  })
  const preview = hasRules && !unfinished ? query.data : undefined
  const text = typeof settled === 'string' ? settled : ''
  return {
    preview,
    error: unfinished ? null : query.error,
    retry: () => void query.refetch(),
    isStale: value !== settled || query.isPlaceholderData || query.isFetching,
    hasRules,
    isUnfinished: unfinished,
    counts: useMemo(() => countsByPointer(preview?.rules ?? []), [preview]),
    errors: useMemo(
      () =>
        query.error instanceof ApiError && !unfinished
          ? ruleErrors(query.error.errors, text)
          : NO_ERRORS,
      [query.error, text, unfinished],
    ),
  }
}

export type LivePreview = ReturnType<typeof useRulePreview>

/** A preview of the past may become a job, which is followed to its end. */
async function previewRules(
  body: Schemas['PreviewIn'],
  signal: AbortSignal,
): Promise<Preview> {
  const answer = await callWithResponse(
    api.POST('/api/segments/preview', { body, signal }),
  )
  const data: Preview | Schemas['Job'] = answer.data
  return 'job_id' in data ? resultOf(data, answer.response, signal) : data
}

async function resultOf(
  job: Schemas['Job'],
  response: Response,
  signal: AbortSignal,
): Promise<Preview> {
  let current = job
  while (current.status === 'running') {
    await pause(JOB_POLL, signal)
    const params = { path: { id: job.job_id } }
    current = await call(api.GET('/api/jobs/{id}', { params, signal }))
  }
  if (current.result && 'sample' in current.result) return current.result
  throw failed(current, response)
}

function failed({ problem }: Schemas['Job'], response: Response): Error {
  const path = '/api/segments/preview'
  return new ApiError(
    problem?.status ?? 500,
    problem?.type ?? 'about:blank',
    problem?.title ?? 'The preview failed',
    problem?.detail ?? 'The job ended without a result.',
    problem?.errors ?? [],
    response.headers.get('x-request-id'),
    null,
    { method: 'POST', path },
  )
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    })
  })
}

/** The value once it has not changed for a while. */
function useSettled<T>(value: T, milliseconds: number): T {
  const [settled, setSettled] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds)
    return () => clearTimeout(timer)
  }, [value, milliseconds])
  return settled
}
