import type { Schemas } from '@/api/client'
import { useApi } from '@/api/query'
import { bytes, number, percent, shortNumber } from '@/format'
import { TimeSeries } from '@/ui/chart'
import { Card } from '@/ui/page'
import { Problem } from '@/ui/problem'
import { ProgressBar, StatTile, StatTiles } from '@/ui/stat'
import { Read } from '@/ui/state'
import { type Column, Table } from '@/ui/table'
import { rates } from './throughput'
import { REFRESH, useThroughput } from './use-throughput'

type Log = Schemas['Log']
type Partition = Log['partitions'][number]

/** The figure is marked from this share of Redis's memory on. */
const TIGHT = 0.9

export function LogTab() {
  const log = useApi('/api/admin/log', {}, { refetchInterval: REFRESH })
  return (
    <div className="flex flex-col gap-4">
      <Throughput />
      <Read query={log} lines={8}>
        {(data) => <Content log={data} />}
      </Read>
    </div>
  )
}

function Throughput() {
  const { times, appended, folded } = rates(useThroughput())
  const format = (value: number) => `${number(Math.round(value))}/s`
  return (
    <Card title="Events per second">
      {times.length === 0 ? (
        <p className="py-6 text-muted">
          The chart begins with the second reading, in a few seconds. It covers the time
          that this page is open, at most 15 minutes.
        </p>
      ) : (
        <TimeSeries
          label="Events per second"
          times={times}
          formatAxis={shortNumber}
          series={[
            { label: 'Appended', values: appended, color: 1, kind: 'area', format },
            {
              label: 'Folded by the slowest view',
              values: folded,
              color: 2,
              kind: 'line',
              format,
            },
          ]}
        />
      )}
    </Card>
  )
}

function Content({ log }: { log: Log }) {
  const { memory } = log
  const limited = memory.max > 0
  const most = Math.max(1, ...log.partitions.map((partition) => partition.events))
  const columns: Column<Partition>[] = [
    { id: 'partition', header: 'Partition', cell: (row) => row.partition },
    {
      id: 'share',
      header: 'Share',
      cell: (row) => (
        <div className="min-w-24">
          <ProgressBar
            label={`Events of partition ${row.partition}`}
            total={most}
            parts={[{ value: row.events, color: 'accent' }]}
          />
        </div>
      ),
    },
    { id: 'events', header: 'Events', cell: (row) => number(row.events), align: 'end' },
    { id: 'bytes', header: 'Memory', cell: (row) => bytes(row.bytes), align: 'end' },
  ]
  return (
    <>
      {log.unsafe_settings.length > 0 && <Unsafe log={log} />}
      <StatTiles>
        <StatTile label="Events" value={number(log.events)} />
        <StatTile label="Partitions" value={number(log.partitions.length)} />
        <StatTile label="Memory of the streams" value={bytes(log.bytes)} />
        <StatTile
          label="Memory of Redis"
          value={bytes(memory.used)}
          color={limited && memory.used / memory.max >= TIGHT ? 'bad' : 'fg'}
          detail={
            limited
              ? `${percent(memory.used, memory.max)} of ${bytes(memory.max)}`
              : 'No limit is set'
          }
        />
      </StatTiles>
      <Card flush title="Partitions">
        <Table
          label="Partitions of the log"
          columns={columns}
          rows={log.partitions}
          rowKey={(row) => String(row.partition)}
        />
      </Card>
    </>
  )
}

function Unsafe({ log }: { log: Log }) {
  const text = log.unsafe_settings
    .map(
      ({ name, required, actual }) =>
        `${name} is ${actual ?? 'unknown'}, not ${required}`,
    )
    .join('; ')
  return (
    <Problem error={new Error(`Redis could lose acknowledged events: ${text}.`)}>
      Change the settings of Redis, then restart Patron.
    </Problem>
  )
}
