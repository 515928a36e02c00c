import { lazy, type ReactNode, Suspense, useId, useState } from 'react'
import { preciseTime } from '@/format'
import { Button } from '../button'
import { cx } from '../cx'
import { Skeleton } from '../state'

export interface ChartSeries {
  label: string
  /** One value for each time; `null` where there is none. */
  values: readonly (number | null)[]
  /** 1 to 5: a color of the theme. */
  color: 1 | 2 | 3 | 4 | 5
  kind?: 'line' | 'area' | 'bars'
  /** Writes a value in full, for the legend and the table. */
  format: (value: number) => string
}

export interface TimeSeriesProps {
  /** What the chart shows, for readers. */
  label: string
  /** Instants in ascending order. */
  times: readonly string[]
  series: readonly ChartSeries[]
  /** Writes a value briefly, for the axis. */
  formatAxis: (value: number) => string
  /** Writes a time in the legend and the table. */
  formatTime?: (instant: string) => string
  /** The times are days, each at its beginning in UTC: the axis shows no hours. */
  days?: boolean
  height?: number
  /** Stands beside the switch to the table. */
  actions?: ReactNode
}

// Charts are drawn after everything else, from a file of their own.
const Plot = lazy(() => import('./time-series'))

const DOTS = ['bg-series-1', 'bg-series-2', 'bg-series-3', 'bg-series-4', 'bg-series-5']

/** Values over time, as a chart or as a table. */
export function TimeSeries(props: TimeSeriesProps) {
  const { label, series, height = 200, formatTime = preciseTime } = props
  const [asTable, setAsTable] = useState(false)
  const [at, setAt] = useState<number | null>(null)
  const id = useId()
  return (
    <figure className="flex min-w-0 flex-col gap-2" aria-label={label}>
      <figcaption className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1">
        <ul className="flex flex-wrap gap-x-4 gap-y-1 text-sm">
          {series.map((one) => (
            <li key={one.label} className="inline-flex items-center gap-1.5">
              <span
                className={cx('size-2.5 rounded-xs', DOTS[one.color - 1])}
                aria-hidden="true"
              />
              {one.label}
              {at !== null && one.values[at] != null && (
                <strong className="font-semibold">{one.format(one.values[at])}</strong>
              )}
            </li>
          ))}
          {at !== null && props.times[at] && (
            <li className="text-muted">{formatTime(props.times[at])}</li>
          )}
        </ul>
        <div className="flex items-center gap-1">
          {props.actions}
          <Button
            small
            kind="quiet"
            aria-expanded={asTable}
            aria-controls={id}
            onClick={() => setAsTable(!asTable)}
          >
            {asTable ? 'Show chart' : 'Show table'}
          </Button>
        </div>
      </figcaption>
      <div id={id}>
        {asTable ? (
          <DataTable {...props} formatTime={formatTime} />
        ) : (
          <Suspense
            fallback={
              <div style={{ height }} className="flex items-end">
                <Skeleton className="h-full w-full opacity-40" />
              </div>
            }
          >
            <Plot {...props} height={height} onPoint={setAt} />
          </Suspense>
        )}
      </div>
    </figure>
  )
}

function DataTable({
  label,
  times,
  series,
  height = 200,
  formatTime,
}: TimeSeriesProps & { formatTime: (instant: string) => string }) {
  return (
    <div
      tabIndex={0}
      role="region"
      aria-label={`${label}, as a table`}
      className="overflow-auto rounded-md border border-line"
      style={{ maxHeight: height }}
    >
      <table className="w-full text-sm">
        <thead className="sticky top-0 bg-surface">
          <tr className="text-left text-muted">
            <th scope="col" className="px-3 py-1 font-medium">
              Time
            </th>
            {series.map((one) => (
              <th
                key={one.label}
                scope="col"
                className="px-3 py-1 text-right font-medium"
              >
                {one.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {times.map((time, index) => (
            <tr key={time} className="border-t border-line">
              <th
                scope="row"
                className="px-3 py-1 text-left font-normal whitespace-nowrap"
              >
                {formatTime(time)}
              </th>
              {series.map((one) => {
                const value = one.values[index]
                return (
                  <td key={one.label} className="px-3 py-1 text-right">
                    {value == null ? '–' : one.format(value)}
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
