import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { api, call, type Schemas } from '@/api/client'
import { useApi, useInvalidate } from '@/api/query'
import { useKept } from '@/app/kept'
import { number } from '@/format'
import { Badge } from '@/ui/badge'
import { Button } from '@/ui/button'
import { CopyCurl } from '@/ui/copy'
import { Dialog } from '@/ui/dialog'
import { Field, Form, FormProblem } from '@/ui/form'
import { Input } from '@/ui/input'
import { TextLink } from '@/ui/link'
import { Card } from '@/ui/page'
import { EmptyState, Read } from '@/ui/state'
import { type Column, Table } from '@/ui/table'
import { Time } from '@/ui/time'
import { toast } from '@/ui/toast'

type Entry = Schemas['QuarantineEntry']
type Asked = { entry: Entry; decision: 'retry' | 'skip' }

export function QuarantineTab() {
  const quarantine = useApi('/api/admin/quarantine', {}, { refetchInterval: 10_000 })
  const [asked, setAsked] = useState<Asked | null>(null)
  const columns: Column<Entry>[] = [
    {
      id: 'event',
      header: 'Event',
      cell: (entry) => (
        <TextLink
          className="font-mono text-sm"
          to={`/audit/${encodeURIComponent(entry.position)}`}
        >
          {entry.position}
        </TextLink>
      ),
    },
    {
      id: 'document',
      header: 'Document',
      cell: (entry) => (
        <div className="min-w-36 wrap-anywhere">
          <code className="font-mono text-sm">{entry.view}</code>
          <div className="text-sm text-muted">{entry.document}</div>
        </div>
      ),
    },
    {
      id: 'effect',
      header: 'Effect',
      cell: (entry) =>
        entry.effect === 'set_aside' ? (
          <Badge color="bad" title="The document lacks this event and all later ones.">
            Set aside
          </Badge>
        ) : (
          <Badge color="warn" title="The document lacks only this event.">
            Incomplete
          </Badge>
        ),
    },
    {
      id: 'reason',
      header: 'Reason',
      cell: (entry) => <div className="min-w-48 wrap-anywhere">{entry.reason}</div>,
    },
    {
      id: 'since',
      header: 'Since',
      cell: (entry) => <Time at={entry.since} relative />,
      wideOnly: true,
    },
    {
      id: 'actions',
      header: <span className="sr-only">Actions</span>,
      align: 'end',
      cell: (entry) => (
        <span className="inline-flex flex-wrap justify-end gap-1">
          <Button
            small
            aria-label={`Retry ${entry.position}`}
            onClick={() => setAsked({ entry, decision: 'retry' })}
          >
            Retry
          </Button>
          <Button
            small
            kind="quiet"
            aria-label={`Skip ${entry.position}`}
            onClick={() => setAsked({ entry, decision: 'skip' })}
          >
            Skip
          </Button>
        </span>
      ),
    },
  ]
  return (
    <Read query={quarantine}>
      {({ items, total }) => (
        <Card flush={items.length > 0}>
          {items.length === 0 ? (
            <EmptyState icon="check" title="No event is in quarantine">
              An event that a view cannot fold appears here. It holds back only the
              document that it concerns, until you retry or skip it.
            </EmptyState>
          ) : (
            <Table
              label="Events in quarantine"
              columns={columns}
              rows={items}
              rowKey={(entry) => `${entry.position} ${entry.view} ${entry.document}`}
              footer={
                total > items.length ? (
                  <p className="border-t border-line px-4 py-2 text-sm text-muted">
                    The first {number(items.length)} of {number(total)} entries.
                  </p>
                ) : undefined
              }
            />
          )}
          {asked && <Decide asked={asked} onClose={() => setAsked(null)} />}
        </Card>
      )}
    </Read>
  )
}

function Decide({ asked, onClose }: { asked: Asked; onClose: () => void }) {
  const { entry, decision } = asked
  const { position } = entry
  const invalidate = useInvalidate()
  const [reason, setReason, forget] = useKept(`quarantine.${position}.${decision}`, '')
  const decide = useMutation({
    mutationFn: () => {
      const init = { params: { path: { position } }, body: { reason } }
      return decision === 'retry'
        ? call(api.POST('/api/admin/quarantine/{position}/retry', init))
        : call(api.POST('/api/admin/quarantine/{position}/skip', init))
    },
    onSuccess: async () => {
      forget()
      toast(
        decision === 'retry' ? `${position} is tried again.` : `${position} is skipped.`,
      )
      await invalidate('/api/admin/quarantine', '/api/admin/projections')
      onClose()
    },
  })
  const submit = () => {
    // Enter in the field submits too, also while a request is under way.
    if (!decide.isPending) decide.mutate()
  }
  return (
    <Dialog
      open
      onClose={onClose}
      title={
        decision === 'retry' ? `Retry event ${position}?` : `Skip event ${position}?`
      }
      footer={
        <>
          <span className="mr-auto">
            <CopyCurl
              method="POST"
              path={`/api/admin/quarantine/${encodeURIComponent(position)}/${decision}`}
              body={{ reason }}
            />
          </span>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            kind={decision === 'retry' ? 'primary' : 'danger'}
            busy={decide.isPending}
            onClick={submit}
          >
            {decision === 'retry' ? 'Retry' : 'Skip permanently'}
          </Button>
        </>
      }
    >
      <Form error={decide.error} onSubmit={submit} className="flex flex-col gap-3">
        <p>
          {decision === 'retry'
            ? 'Views fold the event again, and then what it held back. It returns to quarantine if it still cannot be folded.'
            : 'Views, and all later rebuilds, leave the event out. It stays in the log, and this decision in the audit trail.'}
        </p>
        <Field label="Reason" pointer="/reason" hint="Recorded with your name.">
          <Input
            autoFocus
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        </Field>
        <FormProblem error={decide.error} />
      </Form>
    </Dialog>
  )
}
