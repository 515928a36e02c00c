/** The course of a campaign over time. */
import { useState } from 'react'
import { count, number, shortNumber } from '@/format'
import { Button } from '@/ui/button'
import { type ChartSeries, TimeSeries } from '@/ui/chart'
import { Card } from '@/ui/page'
import { ErrorState, Loading } from '@/ui/state'
import type { Course, Timeline } from './timeline'
import type { Campaign } from './types'
import { READ_AT_ONCE, useTimeline } from './use-timeline'

const LINES: { course: Course; label: string; color: ChartSeries['color'] }[] = [
  { course: 'accepted', label: 'Accepted by the vendor', color: 1 },
  { course: 'delivered', label: 'Delivered', color: 2 },
  { course: 'suppressed', label: 'Suppressed', color: 3 },
  { course: 'failed', label: 'Failed', color: 4 },
]

export function CourseChart({ campaign }: { campaign: Campaign }) {
  const [all, setAll] = useState(false)
  const query = useTimeline(campaign, all)
  const { timeline, data } = query
  return (
    <Card title="Over time">
      {query.error && !timeline ? (
        <ErrorState error={query.error} onRetry={() => void query.refetch()} />
      ) : !timeline ? (
        <Loading label="Reading the messages" />
      ) : timeline.times.length < 2 ? (
        <p className="text-muted">Nothing has happened yet.</p>
      ) : (
        <>
          <TimeSeries
            label="Messages since the launch"
            times={instants(timeline)}
            series={seriesOf(timeline)}
            formatAxis={shortNumber}
          />
          {data && !data.isComplete && (
            <p className="mt-2 flex flex-wrap items-center gap-2 text-sm text-muted">
              Drawn from the first {count(data.read, 'message')} by customer id.
              <Button small busy={query.isFetching} onClick={() => setAll(true)}>
                Read all {number(campaign.statistics.audience)}
              </Button>
            </p>
          )}
          {all && query.isFetching && (
            <p className="text-sm text-muted">
              Reading {number(campaign.statistics.audience)} messages. Above{' '}
              {number(READ_AT_ONCE)} that takes a while.
            </p>
          )}
        </>
      )}
    </Card>
  )
}

function instants(timeline: Timeline): string[] {
  return timeline.times.map((time) => new Date(time).toISOString())
}

function seriesOf(timeline: Timeline): ChartSeries[] {
  return LINES.map(({ course, label, color }) => ({
    label,
    color,
    kind: 'line',
    values: timeline.counts[course],
    format: number,
  }))
}
