import { Notice } from '@/ui/notice'
import type { Import } from './types'

/** Says where the file is, if the process that answered does not have it. */
export function ProcessNotice({ imported }: { imported: Import }) {
  const { process, status, has_refused_rows } = imported
  // A finished import without refused rows has no file any more.
  const needsFile = status !== 'finished' || has_refused_rows
  if (!process || process.is_this || !needsFile) return null
  return (
    <Notice title={`The file is on the disk of the process ${process.name}`}>
      {process.is_alive ? (
        <p>
          Only that process can preview and run it, and show its refused rows. Behind a
          load balancer, send the requests of an import to one process.
        </p>
      ) : (
        <p>
          That process no longer responds. The import continues once a process is started
          with the same PATRON_IMPORT_DIR. Otherwise delete the import, and upload the
          file again.
        </p>
      )}
    </Notice>
  )
}
