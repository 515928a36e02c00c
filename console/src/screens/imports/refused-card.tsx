import { useQuery } from '@tanstack/react-query'
import { count, number } from '@/format'
import { buttonClass } from '@/ui/button'
import { CopyCurl } from '@/ui/copy'
import { Icon } from '@/ui/icon'
import { Card } from '@/ui/page'
import { Read } from '@/ui/state'
import { readRefusedRows, type RefusedRow } from './refused-rows'
import { Example } from './refusal-list'
import type { Import } from './types'
import { apiPath } from './use-import'

/** Number of rows that are shown; the download has all. */
const SHOWN = 20

/** The refused rows of a run that has ended. */
export function RefusedCard({ imported }: { imported: Import }) {
  const { import_id: id, progress, ended_at } = imported
  const refused = progress?.refused ?? 0
  const path = apiPath(id, '/refused')
  const rows = useQuery<RefusedRow[], Error>({
    queryKey: ['/api/imports/{id}/refused', id, ended_at],
    queryFn: ({ signal }) => readRefusedRows(path, SHOWN, signal),
    staleTime: Infinity,
  })
  return (
    <Card
      title={`${count(refused, 'row')} ${refused === 1 ? 'was' : 'were'} refused`}
      actions={
        <>
          <CopyCurl path={path} />
          {/* The browser writes it to the disk as it arrives. */}
          <a href={path} download className={buttonClass('secondary', true)}>
            <Icon name="download" />
            Download refused rows
          </a>
        </>
      }
    >
      <p className="mb-3 max-w-prose text-sm text-muted">
        Correct them, and import them as a file of their own. They are kept for seven
        days.
      </p>
      <Read query={rows} lines={4}>
        {(shown) => (
          <>
            <ul className="flex flex-col divide-y divide-line" aria-label="Refused rows">
              {shown.map((row) => (
                <li
                  key={row.line}
                  className="flex flex-col gap-1.5 py-3 first:pt-0 last:pb-0"
                >
                  <p className="wrap-anywhere">
                    {row.reason}{' '}
                    {row.pointer && (
                      <code className="font-mono text-sm text-muted">{row.pointer}</code>
                    )}
                  </p>
                  <Example line={row.line} input={row.input} />
                </li>
              ))}
            </ul>
            {refused > shown.length && (
              <p className="mt-3 text-sm text-muted">
                These are the first {number(shown.length)}. The download has all.
              </p>
            )}
          </>
        )}
      </Read>
    </Card>
  )
}
