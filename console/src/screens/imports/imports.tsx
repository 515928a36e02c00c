/** Files that were imported, and a place for the next one. */
import { useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { useNavigate } from 'react-router'
import { useApi, useApiList } from '@/api/query'
import { useMay } from '@/app/use-session'
import { number } from '@/format'
import { useActorNames } from '@/screens/audit/use-names'
import { CopyCurl } from '@/ui/copy'
import { Card, None, PageHeader } from '@/ui/page'
import { EmptyState, Read } from '@/ui/state'
import { type Column, LoadMore, Table } from '@/ui/table'
import { Time } from '@/ui/time'
import { DropZone } from './drop-zone'
import { ImportStatusBadge, KIND } from './status'
import type { Import, ImportPreset } from './types'
import { useUpload } from './upload'
import { IMPORT, importPath } from './use-import'

const PAGE = 50

/** Milliseconds between reads while an import runs. */
const WHILE_RUNNING = 3_000

export function Component() {
  const mayImport = useMay('import files')
  const presets = useApi('/api/imports/presets', undefined, { staleTime: Infinity })
  const list = useApiList('/api/imports', { params: { query: { limit: PAGE } } })
  const nameOf = useActorNames()
  const { refetch, isFetchingNextPage } = list
  const isRunning = list.items?.some(({ status }) => status === 'running') ?? false
  useEffect(() => {
    if (!isRunning) return
    const timer = setInterval(() => {
      if (!document.hidden && !isFetchingNextPage) void refetch()
    }, WHILE_RUNNING)
    return () => clearInterval(timer)
  }, [isRunning, refetch, isFetchingNextPage])
  return (
    <>
      <PageHeader
        title="Imports"
        description="Files with customers, orders or activity."
        actions={<CopyCurl path="/api/imports" query={{ limit: PAGE }} />}
      />
      {mayImport && <UploadArea />}
      <Card flush>
        <Read flush query={{ ...list, data: list.items }} lines={8}>
          {(items) =>
            items.length === 0 ? (
              <EmptyState icon="upload" title="No imports yet">
                {mayImport
                  ? 'Drop the export of a shop or of a mailing tool above.'
                  : 'Marketers and admins can import files.'}
              </EmptyState>
            ) : (
              <Table
                label="Imports"
                columns={columns(presets.data?.items ?? [], nameOf)}
                rows={items}
                rowKey={(row) => row.import_id}
                rowLink={(row) => importPath(row.import_id)}
                footer={<LoadMore query={list} label="Older imports" />}
              />
            )
          }
        </Read>
      </Card>
    </>
  )
}

function UploadArea() {
  const navigate = useNavigate()
  const client = useQueryClient()
  const upload = useUpload((uploaded) => {
    // The screen of the import has its first content without a read.
    const { import_id: id } = uploaded
    client.setQueryData([IMPORT, { path: { id } }], uploaded)
    void navigate(importPath(id))
  })
  return <DropZone upload={upload} />
}

function columns(
  presets: readonly ImportPreset[],
  nameOf: (actor: string) => string,
): Column<Import>[] {
  return [
    { id: 'file', header: 'File', cell: (row) => <FileName row={row} /> },
    {
      id: 'contents',
      header: 'Contents',
      wideOnly: true,
      cell: (row) => <Contents row={row} presets={presets} />,
    },
    {
      id: 'status',
      header: 'Status',
      wideOnly: true,
      cell: (row) => <ImportStatusBadge {...row} />,
    },
    {
      id: 'rows',
      header: 'Rows',
      align: 'end',
      cell: ({ progress }) =>
        progress ? number(progress.rows) : <None text="not started" />,
    },
    {
      id: 'refused',
      header: 'Refused',
      align: 'end',
      cell: ({ progress }) =>
        progress ? (
          <span className={progress.refused ? 'text-bad' : 'text-muted'}>
            {number(progress.refused)}
          </span>
        ) : (
          <None text="not started" />
        ),
    },
    {
      id: 'by',
      header: 'Uploaded by',
      wideOnly: true,
      cell: (row) => <span className="wrap-anywhere">{nameOf(row.created_by)}</span>,
    },
    {
      id: 'at',
      header: 'Uploaded',
      wideOnly: true,
      cell: (row) => <Time at={row.created_at} relative />,
    },
  ]
}

function FileName({ row }: { row: Import }) {
  return (
    <span className="inline-flex max-w-full flex-wrap items-center gap-x-2 gap-y-1">
      <span className="min-w-28 wrap-anywhere">{row.file_name}</span>
      <span className="md:hidden">
        <ImportStatusBadge {...row} />
      </span>
    </span>
  )
}

/** What the file has: as it was run, else as it was detected. */
function Contents({ row, presets }: { row: Import; presets: readonly ImportPreset[] }) {
  const kind = row.kind ?? row.detected?.kind
  const name = row.kind ? row.preset : row.detected?.preset
  const preset = presets.find((preset) => preset.name === name)
  if (!kind) return <None text="not known" />
  return (
    <>
      {KIND[kind]}
      {name && <span className="text-muted"> ({preset?.title ?? name})</span>}
    </>
  )
}
