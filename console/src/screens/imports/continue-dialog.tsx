import { percent } from '@/format'
import { ConfirmDialog } from '@/ui/dialog'
import { draftOf } from './layout-draft'
import { runOf } from './run-body'
import type { Import } from './types'
import { apiPath } from './use-import'
import { useRun } from './use-run'

/** Asks before a run is continued with the options that it had. */
export function ContinueDialog({
  imported,
  open,
  onClose,
}: {
  imported: Import
  open: boolean
  onClose: () => void
}) {
  const { mutate, isPending, error, reset } = useRun(imported, onClose)
  const run = runOf(draftOf(imported))
  const done = percent(imported.progress?.done_bytes ?? 0, imported.bytes)
  return (
    <ConfirmDialog
      open={open}
      onClose={() => {
        reset()
        onClose()
      }}
      onConfirm={() => run && mutate(run)}
      title="Continue the import?"
      confirm="Continue the import"
      busy={isPending}
      error={error}
      request={
        run
          ? { method: 'POST', path: apiPath(imported.import_id, '/run'), body: run }
          : undefined
      }
    >
      <p>
        It continues where it ended, after {done} of the file, with the same layout. What
        is recorded cannot be taken back.
      </p>
    </ConfirmDialog>
  )
}
