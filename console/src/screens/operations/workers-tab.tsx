import type { Schemas } from '@/api/client'
import { useApi } from '@/api/query'
import { count, duration, words } from '@/format'
import { Badge } from '@/ui/badge'
import { CopyableId } from '@/ui/code'
import { Card, Definitions, None } from '@/ui/page'
import { EmptyState, Read } from '@/ui/state'
import { type Column, Table } from '@/ui/table'
import { Time } from '@/ui/time'
import { Narrow } from '@/ui/wide'
import { REFRESH } from './use-throughput'
import { ranges } from './view-state'

type Worker = Schemas['Worker']
type Task = Worker['tasks'][number]

function LastRun({ task }: { task: Task }) {
  if (task.error) {
    return (
      <span className="flex flex-col gap-1">
        <span>
          <Badge color="bad">Failed</Badge>
        </span>
        <span className="text-sm wrap-anywhere">{task.error}</span>
      </span>
    )
  }
  return task.ran_at ? <Badge color="good">Succeeded</Badge> : <None text="not yet" />
}

const TASKS: Column<Task>[] = [
  { id: 'task', header: 'Task', cell: (task) => words(task.name) },
  {
    id: 'result',
    header: 'Last run',
    cell: (task) => (
      <>
        <LastRun task={task} />
        {task.ran_at && (
          <Narrow className="text-sm text-muted">
            <Time at={task.ran_at} relative />
          </Narrow>
        )}
      </>
    ),
  },
  {
    id: 'at',
    header: 'When',
    cell: (task) => <Time at={task.ran_at} relative />,
    wideOnly: true,
  },
  {
    id: 'took',
    header: 'Took',
    cell: (task) => <span className="whitespace-nowrap">{duration(task.took_ms)}</span>,
    align: 'end',
  },
]

export function WorkersTab() {
  const workers = useApi('/api/admin/workers', {}, { refetchInterval: REFRESH })
  return (
    <Read query={workers}>
      {({ items }) =>
        items.length === 0 ? (
          <Card>
            <EmptyState icon="operations" title="No worker is alive">
              Events are recorded, but views do not follow and campaigns do not send.
              Start <code>patron work</code>, or look at the log of the process that ran
              it.
            </EmptyState>
          </Card>
        ) : (
          <div className="flex flex-col gap-4">
            {items.map((worker) => (
              <WorkerCard key={worker.name} worker={worker} />
            ))}
          </div>
        )
      }
    </Read>
  )
}

function WorkerCard({ worker }: { worker: Worker }) {
  return (
    <Card
      title={
        <span className="font-normal">
          <CopyableId id={worker.name} />
        </span>
      }
    >
      <Definitions
        wide
        items={[
          { term: 'Version', value: worker.version ?? <None text="unknown" /> },
          { term: 'Started', value: <Time at={worker.started_at} relative /> },
          { term: 'Folds', value: partitions(worker.folds) },
          {
            term: 'Sends',
            value: worker.sends ? partitions(worker.sends) : 'nothing: it has no vendor',
          },
        ]}
      />
      {worker.tasks.length > 0 && (
        <div className="-mx-4 mt-3 -mb-4">
          <Table
            label={`Periodic tasks of ${worker.name}`}
            columns={TASKS}
            rows={worker.tasks}
            rowKey={(task) => task.name}
          />
        </div>
      )}
    </Card>
  )
}

function partitions(numbers: readonly number[]) {
  if (numbers.length === 0) return <None text="no partition" />
  return `${count(numbers.length, 'partition')}: ${ranges(numbers)}`
}
