import { useNavigate } from 'react-router'
import { count } from '@/format'
import { ConfirmDialog } from '@/ui/dialog'
import { ITEM } from './status'
import type { Import, ImportPreview, ImportRunIn } from './types'
import { useRun } from './use-run'
import { apiPath, importPath } from './use-import'

/** Asks before a run, with its numbers: what was recorded cannot be taken back. */
export function RunDialog({
  imported,
  run,
  preview,
  open,
  onClose,
  onStarted,
}: {
  imported: Import
  run: ImportRunIn
  preview: ImportPreview
  open: boolean
  onClose: () => void
  onStarted: () => void
}) {
  const { import_id: id, file_name } = imported
  const navigate = useNavigate()
  const { mutate, isPending, error, reset } = useRun(imported, () => {
    onStarted()
    void navigate(importPath(id))
  })
  const items = ITEM[preview.kind]
  const { valid, refused, is_whole } = preview
  return (
    <ConfirmDialog
      open={open}
      onClose={() => {
        reset()
        onClose()
      }}
      onConfirm={() => mutate(run)}
      title={`Import “${file_name}”?`}
      confirm={is_whole ? `Import ${count(valid, ...items)}` : 'Import the file'}
      busy={isPending}
      error={error}
      request={{ method: 'POST', path: apiPath(id, '/run'), body: run }}
    >
      <p>
        {is_whole ? (
          <>
            <strong className="font-semibold">{count(valid, ...items)}</strong>{' '}
            {valid === 1 ? 'is' : 'are'} recorded on your behalf.
          </>
        ) : (
          <>
            The whole file is read. Of its first {count(preview.rows, 'row')},{' '}
            {count(valid, ...items)} would be recorded.
          </>
        )}
        {refused > 0 && ` ${count(refused, 'row')} would be refused.`}
      </p>
      <p>
        {items[1].charAt(0).toUpperCase() + items[1].slice(1)} that are known by their id
        are updated. What was recorded cannot be taken back.
      </p>
    </ConfirmDialog>
  )
}
