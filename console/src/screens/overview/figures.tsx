import type { Schemas } from '@/api/client'
import { useApi } from '@/api/query'
import { calendarDay, money, number, percent, shortMoney, shortNumber } from '@/format'
import { useQueryParam } from '@/url/use-query-param'
import { type ChartSeries, TimeSeries } from '@/ui/chart'
import { CopyCurl } from '@/ui/copy'
import { Segmented } from '@/ui/input'
import { Card } from '@/ui/page'
import { StatTile, StatTiles } from '@/ui/stat'
import { Read } from '@/ui/state'
import { PERIODS, periodOf, reportQuery } from './period'

type DailyReport = Schemas['DailyReport']

/** The figures of a period, and by day. */
export function Figures() {
  const [text, setText] = useQueryParam('days', '30')
  const period = periodOf(text)
  const query = reportQuery(period)
  const report = useApi(
    '/api/reports/daily',
    { params: { query } },
    { keepPrevious: true, refetchInterval: 60_000 },
  )
  return (
    <section aria-labelledby="figures" className="flex flex-col gap-4">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h2 id="figures" className="text-base font-semibold">
          Figures by day
        </h2>
        <div className="flex flex-wrap items-center gap-2">
          <CopyCurl path="/api/reports/daily" query={query} />
          <Segmented
            label="Period"
            value={period}
            onChange={(value) => setText(value, { push: true })}
            choices={PERIODS.map((days) => ({
              value: days,
              label: days === '365' ? '1 year' : `${days} days`,
            }))}
          />
        </div>
      </div>
      <Read query={report} lines={6}>
        {(figures) => <Report figures={figures} />}
      </Read>
    </section>
  )
}

function Report({ figures }: { figures: DailyReport }) {
  const { totals, currency } = figures
  const ended = totals.delivered + totals.failed
  return (
    <>
      <StatTiles>
        <StatTile label="New customers" value={number(totals.customers)} />
        <StatTile label="Orders" value={number(totals.orders)} />
        <StatTile
          label="Revenue"
          value={money(totals.revenue, currency)}
          detail={revenueDetail(totals, currency)}
        />
        <StatTile
          label="Messages sent"
          value={number(totals.sent)}
          detail={ended > 0 ? `${percent(totals.delivered, ended)} delivered` : null}
        />
      </StatTiles>
      <p className="text-sm text-muted">
        Days are in the time zone {figures.time_zone}.
        {figures.incomplete &&
          ' The figures may lack an event that is in quarantine: an operator can retry it.'}
      </p>
      <div className="grid gap-4 lg:grid-cols-2">
        <Chart
          title="Revenue"
          figures={figures}
          formatAxis={(value) => shortMoney(value, currency)}
          series={[
            series(figures, 'Revenue', 'revenue', 1, (value) => money(value, currency)),
          ]}
        />
        <Chart
          title="Orders and new customers"
          figures={figures}
          formatAxis={shortNumber}
          series={[
            series(figures, 'Orders', 'orders', 1, number),
            { ...series(figures, 'New customers', 'customers', 2, number), kind: 'line' },
          ]}
        />
      </div>
    </>
  )
}

/** The average of an order, and the revenue before refunds if it differs. */
function revenueDetail(totals: Schemas['ShopFigures'], currency: string): string | null {
  const { orders, revenue, gross_revenue: gross } = totals
  const average =
    orders > 0 ? `${money(Math.round(revenue / orders), currency)} an order` : null
  const before = gross === revenue ? null : `${money(gross, currency)} before refunds`
  return [average, before].filter(Boolean).join(', ') || null
}

function series(
  { items }: DailyReport,
  label: string,
  field: keyof Schemas['ShopFigures'],
  color: ChartSeries['color'],
  format: (value: number) => string,
): ChartSeries {
  return { label, values: items.map((day) => day[field]), color, kind: 'bars', format }
}

function Chart({
  title,
  figures,
  series,
  formatAxis,
}: {
  title: string
  figures: DailyReport
  series: ChartSeries[]
  formatAxis: (value: number) => string
}) {
  return (
    <Card title={title}>
      <TimeSeries
        label={`${title} by day`}
        // A chart needs instants. It writes days in UTC, so they keep their names in every
        // zone of a viewer.
        times={figures.items.map((day) => `${day.date}T00:00:00Z`)}
        series={series}
        formatAxis={formatAxis}
        formatTime={(instant) => calendarDay(instant.slice(0, 10))}
        days
      />
    </Card>
  )
}
