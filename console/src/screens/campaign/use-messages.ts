/** The messages of a campaign, page by page, filtered by status and reason. */
import { type InfiniteData, useInfiniteQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { api, call } from '@/api/client'
import { type MatchingPage, readMatching } from './matching-pages'
import { reasonOf } from './reasons'
import type { Message, MessageStatus } from './types'

const PAGE = 100
/** Pages are larger while most rows may be left out. */
const SEARCH_PAGE = 500
const MOST_READS = 20

export interface MessageFilter {
  status: MessageStatus | null
  reason: string | null
}

export function useMessages(id: string, { status, reason }: MessageFilter) {
  const query = useInfiniteQuery<
    MatchingPage<Message>,
    Error,
    InfiniteData<MatchingPage<Message>, string | undefined>,
    unknown[],
    string | undefined
  >({
    // The first two parts are those of `useApi`, so that `useInvalidate` finds the read.
    queryKey: ['/api/campaigns/{id}/logs', { path: { id } }, status, reason],
    queryFn: ({ pageParam, signal }) =>
      readMatching(pageParam, signal, {
        read: (cursor, signal) => readPage(id, status, reason, cursor, signal),
        matches: (message) => reason === null || reasonOf(message) === reason,
        wanted: reason === null ? 1 : PAGE,
        mostReads: MOST_READS,
      }),
    initialPageParam: undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    // Reading again means reading every page: not for every look at the window.
    staleTime: 30_000,
    refetchOnWindowFocus: false,
  })
  const pages = query.data?.pages
  const items = useMemo(() => pages?.flatMap((page) => page.items), [pages])
  const scanned = useMemo(
    () => pages?.reduce((sum, page) => sum + page.scanned, 0) ?? 0,
    [pages],
  )
  return { ...query, items, scanned }
}

function readPage(
  id: string,
  status: MessageStatus | null,
  reason: string | null,
  cursor: string | undefined,
  signal: AbortSignal,
) {
  const query = {
    limit: reason === null ? PAGE : SEARCH_PAGE,
    ...(status ? { status } : {}),
    ...(cursor ? { cursor } : {}),
  }
  const params = { path: { id }, query }
  return call(
    api.GET('/api/campaigns/{id}/logs', { params, signal, parseAs: 'json' }),
  ) as Promise<{
    items: Message[]
    next_cursor?: string | null
  }>
}
