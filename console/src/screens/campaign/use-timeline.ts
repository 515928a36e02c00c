/** The course of a campaign over time, from its messages and from what happens meanwhile. */
import { useQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useRef } from 'react'
import { api, call } from '@/api/client'
import { LiveCounts, TimeBins, type Timeline } from './timeline'
import { isSettled } from './transitions'
import type { Campaign, Message } from './types'

/** Messages that are read without being asked for. */
export const READ_AT_ONCE = 20_000

const PAGE = 500

interface Course {
  timeline: Timeline
  /** Number of messages that were read. */
  read: number
  isComplete: boolean
  /** When it was read, in milliseconds since 1970. */
  at: number
}

/** Reads the course; all messages with `all`, otherwise the first 20,000. */
export function useTimeline(campaign: Campaign, all: boolean) {
  const id = campaign.campaign_id
  const start = Date.parse(campaign.launched_at ?? campaign.created_at)
  const query = useQuery<Course, Error>({
    queryKey: ['/api/campaigns/{id}/logs', { path: { id } }, 'course', start, all],
    queryFn: ({ signal }) => readCourse(id, start, all ? Infinity : READ_AT_ONCE, signal),
    // Many requests: what follows comes from the progress, not from another read.
    staleTime: Infinity,
    refetchOnWindowFocus: false,
  })
  const live = useRef(new LiveCounts())
  const { statistics } = campaign
  const isLive = !isSettled(campaign)
  useEffect(() => {
    if (isLive) live.current.add(Date.now(), statistics)
  }, [isLive, statistics])
  const course = query.data
  const timeline = useMemo(
    () =>
      course &&
      (course.isComplete
        ? live.current.continue(course.timeline, course.at)
        : course.timeline),
    // The live counts grow with the statistics.
    [course, statistics],
  )
  return { ...query, timeline }
}

async function readCourse(
  id: string,
  start: number,
  most: number,
  signal: AbortSignal,
): Promise<Course> {
  const bins = new TimeBins()
  let read = 0
  let cursor: string | null | undefined
  do {
    const query = { limit: PAGE, ...(cursor ? { cursor } : {}) }
    const params = { path: { id }, query }
    const page = (await call(
      api.GET('/api/campaigns/{id}/logs', { params, signal, parseAs: 'json' }),
    )) as { items: Message[]; next_cursor?: string | null }
    for (const message of page.items) bins.add(message)
    read += page.items.length
    cursor = page.next_cursor
  } while (cursor && read < most)
  return { timeline: bins.timeline(start), read, isComplete: !cursor, at: Date.now() }
}
