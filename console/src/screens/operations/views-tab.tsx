import { useMutation } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { api, call } from '@/api/client'
import { useApi, useInvalidate } from '@/api/query'
import { count, number } from '@/format'
import { aggregateKey } from '@/format/aggregate'
import { HistoryLink } from '@/screens/audit/history-link'
import { useQueryParam } from '@/url/use-query-param'
import { Badge } from '@/ui/badge'
import { Button } from '@/ui/button'
import { ConfirmDialog, Dialog } from '@/ui/dialog'
import { TextLink } from '@/ui/link'
import { Card, None } from '@/ui/page'
import { ProgressBar } from '@/ui/stat'
import { Read } from '@/ui/state'
import { type Column, Table } from '@/ui/table'
import { toast } from '@/ui/toast'
import { Narrow } from '@/ui/wide'
import type { View } from './types'
import { REFRESH } from './use-throughput'
import { viewState } from './view-state'

type Asked = { view: View; action: 'rebuild' | 'rollback' }

export function ViewsTab() {
  const views = useApi('/api/admin/projections', {}, { refetchInterval: REFRESH })
  const [open, setOpen] = useQueryParam('view')
  const [asked, setAsked] = useState<Asked | null>(null)
  // Workers take a request a moment later: until then the API shows the view as it was.
  const [requested, setRequested] = useState<ReadonlyMap<string, number>>(new Map())
  useEffect(() => {
    const moved = ({ name, ...view }: View) =>
      view.building ||
      view.switching_to != null ||
      view.generation !== requested.get(name)
    const taken = views.data?.items.filter(
      (view) => requested.has(view.name) && moved(view),
    )
    if (!taken?.length) return
    const names = new Set<string>(taken.map((view) => view.name))
    setRequested(new Map([...requested].filter(([name]) => !names.has(name))))
  }, [views.data, requested])
  const columns: Column<View>[] = [
    {
      id: 'view',
      header: 'View',
      cell: (view) => (
        <>
          <Button
            small
            kind="quiet"
            className="-ml-2 font-mono touch:-ml-3"
            title="Progress by partition"
            onClick={() => setOpen(view.name, { push: true })}
          >
            {view.name}
          </Button>
          <Narrow className="pb-1">
            <State view={view} waits={requested.has(view.name)} />
          </Narrow>
        </>
      ),
    },
    {
      id: 'state',
      header: 'State',
      cell: (view) => <State view={view} waits={requested.has(view.name)} />,
      wideOnly: true,
    },
    {
      id: 'lag',
      header: 'Lag',
      cell: (view) => number(view.lag),
      align: 'end',
      wideOnly: true,
    },
    {
      id: 'generation',
      header: 'Generation',
      cell: (view) => view.generation,
      align: 'end',
      wideOnly: true,
    },
    {
      id: 'previous',
      header: 'Previous',
      cell: (view) => view.previous_generation ?? <None />,
      align: 'end',
      wideOnly: true,
    },
    {
      id: 'skipped',
      header: <span title="Events of types that the program does not know">Skipped</span>,
      cell: (view) => number(view.skipped),
      align: 'end',
      wideOnly: true,
    },
    {
      id: 'actions',
      header: <span className="sr-only">Actions</span>,
      align: 'end',
      cell: (view) => (
        <span className="inline-flex flex-wrap justify-end gap-1">
          <Button
            small
            disabled={view.building != null}
            aria-label={`Rebuild ${view.name}`}
            onClick={() => setAsked({ view, action: 'rebuild' })}
          >
            Rebuild
          </Button>
          <Button
            small
            kind="quiet"
            disabled={!view.can_roll_back || view.building != null}
            title={
              view.can_roll_back
                ? view.building
                  ? 'Wait for the end of the rebuild'
                  : undefined
                : 'There is no previous generation'
            }
            aria-label={`Roll back ${view.name}`}
            onClick={() => setAsked({ view, action: 'rollback' })}
          >
            Roll back
          </Button>
        </span>
      ),
    },
  ]
  return (
    <Read query={views} lines={10}>
      {({ items }) => {
        const shown = items.find((view) => view.name === open)
        return (
          <div className="flex flex-col gap-4">
            <Card flush>
              <Table
                label="Views"
                columns={columns}
                rows={items as View[]}
                rowKey={(view) => view.name}
              />
            </Card>
            <Stalled views={items as View[]} />
            {shown && <Partitions view={shown} onClose={() => setOpen(null)} />}
            {asked && (
              <ChangeView
                {...asked}
                onClose={() => setAsked(null)}
                onRequested={() =>
                  setRequested(
                    new Map(requested).set(asked.view.name, asked.view.generation),
                  )
                }
              />
            )}
          </div>
        )
      }}
    </Read>
  )
}

function State({ view, waits }: { view: View; waits: boolean }) {
  const { text, color, explanation } = waits
    ? { text: 'Requested', color: 'accent' as const, explanation: 'Workers begin soon' }
    : viewState(view)
  return (
    <div className="flex flex-col gap-1 md:min-w-36">
      <span>
        <Badge color={color} title={explanation}>
          {text}
        </Badge>
      </span>
      {view.building && (
        <ProgressBar
          label={`Rebuild of ${view.name}`}
          total={view.building.of}
          parts={[{ value: view.building.done, color: 'accent' }]}
        />
      )}
      {view.quarantined ? (
        <TextLink className="text-sm touch:py-2" to="/operations/quarantine">
          {count(view.quarantined, 'event')} in quarantine
        </TextLink>
      ) : null}
    </div>
  )
}

function Stalled({ views }: { views: View[] }) {
  const stalled = views.filter((view) => view.stopped.length > 0)
  if (stalled.length === 0) return null
  return (
    <Card title="Stalled views">
      <p className="mb-2 text-muted">
        A stalled view serves what it has folded. It continues by itself once the reason
        is gone; a rebuild starts it from the beginning of the log.
      </p>
      <ul className="flex flex-col gap-2">
        {stalled.flatMap((view) =>
          view.stopped.map((stop) => (
            <li key={`${view.name} ${stop.partition}`} className="wrap-anywhere">
              <code className="font-mono text-sm">{view.name}</code>, partition{' '}
              {stop.partition}: {stop.reason}
            </li>
          )),
        )}
      </ul>
    </Card>
  )
}

function Partitions({ view, onClose }: { view: View; onClose: () => void }) {
  type Row = View['partitions'][number]
  const columns: Column<Row>[] = [
    { id: 'partition', header: 'Partition', cell: (row) => row.partition },
    {
      id: 'folded',
      header: 'Folded',
      cell: (row) => number(row.number),
      align: 'end',
    },
    { id: 'end', header: 'In the log', cell: (row) => number(row.end), align: 'end' },
    { id: 'lag', header: 'Lag', cell: (row) => number(row.lag), align: 'end' },
  ]
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      title={`${view.name} by partition`}
      footer={
        <HistoryLink
          filter={{ aggregate: aggregateKey('view', view.name) }}
          label="History of this"
        />
      }
    >
      <Table
        label={`Progress of ${view.name} by partition`}
        columns={columns}
        rows={view.partitions}
        rowKey={(row) => String(row.partition)}
      />
    </Dialog>
  )
}

const CHANGES = {
  rebuild: {
    title: (name: string) => `Rebuild ${name}?`,
    confirm: 'Rebuild',
    danger: false,
    path: '/api/admin/projections/{name}/rebuild',
    requested: (name: string) => `The rebuild of ${name} is requested.`,
  },
  rollback: {
    title: (name: string) => `Roll back ${name}?`,
    confirm: 'Roll back',
    danger: true,
    path: '/api/admin/projections/{name}/rollback',
    requested: (name: string) => `The rollback of ${name} is requested.`,
  },
} as const

function ChangeView({
  view,
  action,
  onClose,
  onRequested,
}: Asked & { onClose: () => void; onRequested: () => void }) {
  const invalidate = useInvalidate()
  const change = CHANGES[action]
  const request = useMutation({
    mutationFn: () =>
      call(api.POST(change.path, { params: { path: { name: view.name as never } } })),
    onSuccess: async () => {
      toast(change.requested(view.name))
      onRequested()
      await invalidate('/api/admin/projections')
      onClose()
    },
  })
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      onConfirm={() => request.mutate()}
      title={change.title(view.name)}
      confirm={change.confirm}
      danger={change.danger}
      busy={request.isPending}
      error={request.error}
      request={{ method: 'POST', path: change.path.replace('{name}', view.name) }}
    >
      {action === 'rebuild' ? (
        <>
          <p>
            Workers fold the whole log into generation {view.generation + 1}, verify it,
            and switch to it. Generation {view.generation} serves reads until then, and is
            kept for a rollback.
          </p>
          {view.previous_generation != null && (
            <p>Generation {view.previous_generation}, kept so far, will be dropped.</p>
          )}
        </>
      ) : (
        <p>
          Generation {view.previous_generation} folds the events that it lacks, and then
          serves reads instead of generation {view.generation}. Generation{' '}
          {view.generation} is kept: rolling back again returns to it.
        </p>
      )}
    </ConfirmDialog>
  )
}
