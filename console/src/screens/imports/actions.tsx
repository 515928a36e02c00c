/** Stopping and deleting an import. */
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { api, call } from '@/api/client'
import { useInvalidate } from '@/api/query'
import { useScreenActions } from '@/app/actions'
import { useMay } from '@/app/use-session'
import { aggregateKey } from '@/format/aggregate'
import { HistoryLink } from '@/screens/audit/history-link'
import { Button } from '@/ui/button'
import { ConfirmDialog } from '@/ui/dialog'
import { toast } from '@/ui/toast'
import type { Import } from './types'
import { apiPath, IMPORT, useSetImport } from './use-import'

export function ImportActions({
  imported,
  mayStop,
  onDeleted,
}: {
  imported: Import
  mayStop: boolean
  onDeleted: () => void
}) {
  const { import_id: id, status } = imported
  const mayImport = useMay('import files')
  const [asked, setAsked] = useState<'stop' | 'delete' | null>(null)
  const isRunning = status === 'running'
  // A run whose process is gone can be stopped by any other one.
  const isOrphan = imported.process?.is_alive === false
  const canStop = isRunning && (mayStop || (mayImport && isOrphan))
  const canDelete = mayImport && !isRunning
  useScreenActions([
    ...(canStop
      ? [
          {
            id: 'stop',
            label: 'Stop the import',
            icon: 'pause' as const,
            run: () => setAsked('stop'),
          },
        ]
      : []),
    ...(canDelete
      ? [
          {
            id: 'delete',
            label: 'Delete the import',
            icon: 'trash' as const,
            run: () => setAsked('delete'),
          },
        ]
      : []),
  ])
  return (
    <>
      <HistoryLink filter={{ aggregate: aggregateKey('import', id) }} />
      {canStop && (
        <Button icon="pause" onClick={() => setAsked('stop')}>
          Stop
        </Button>
      )}
      {canDelete && (
        <Button icon="trash" onClick={() => setAsked('delete')}>
          Delete
        </Button>
      )}
      <StopDialog
        imported={imported}
        open={asked === 'stop'}
        onClose={() => setAsked(null)}
      />
      <DeleteDialog
        imported={imported}
        open={asked === 'delete'}
        onClose={() => setAsked(null)}
        onDeleted={onDeleted}
      />
    </>
  )
}

interface DialogProps {
  imported: Import
  open: boolean
  onClose: () => void
}

function StopDialog({ imported, open, onClose }: DialogProps) {
  const { import_id: id } = imported
  const invalidate = useInvalidate()
  const setImport = useSetImport(id)
  const stop = useMutation({
    mutationFn: () =>
      call(api.POST('/api/imports/{id}/stop', { params: { path: { id } } })),
    onSuccess: ({ status }) => {
      setImport({ status })
      onClose()
    },
    // After a refusal, too: the import is not what the screen showed.
    onSettled: () => void invalidate('/api/imports'),
  })
  return (
    <ConfirmDialog
      open={open}
      onClose={() => {
        stop.reset()
        onClose()
      }}
      onConfirm={() => stop.mutate()}
      title="Stop the import?"
      confirm="Stop the import"
      busy={stop.isPending}
      error={stop.error}
      request={{ method: 'POST', path: apiPath(id, '/stop') }}
    >
      <p>What was recorded stays recorded. The import can be continued later.</p>
    </ConfirmDialog>
  )
}

function DeleteDialog({
  imported,
  open,
  onClose,
  onDeleted,
}: DialogProps & { onDeleted: () => void }) {
  const { import_id: id, file_name, progress } = imported
  const navigate = useNavigate()
  const client = useQueryClient()
  const invalidate = useInvalidate()
  const remove = useMutation({
    mutationFn: () => call(api.DELETE('/api/imports/{id}', { params: { path: { id } } })),
    onSuccess: async () => {
      onDeleted()
      toast(`The import of “${file_name}” was deleted.`)
      await navigate('/imports')
      client.removeQueries({ queryKey: [IMPORT, { path: { id } }] })
      await invalidate('/api/imports')
    },
  })
  return (
    <ConfirmDialog
      open={open}
      onClose={() => {
        remove.reset()
        onClose()
      }}
      onConfirm={() => remove.mutate()}
      title={`Delete the import of “${file_name}”?`}
      confirm="Delete import"
      danger
      busy={remove.isPending}
      error={remove.error}
      request={{ method: 'DELETE', path: apiPath(id) }}
    >
      <p>
        The file and the refused rows are removed for everyone.{' '}
        {progress
          ? 'What the import recorded stays recorded.'
          : 'Nothing of the file was recorded.'}
      </p>
    </ConfirmDialog>
  )
}
