/** What a file has, and how it is read. */
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { useSearchParams } from 'react-router'
import { count, number } from '@/format'
import { Tag } from '@/ui/badge'
import { Button } from '@/ui/button'
import { CopyCurl } from '@/ui/copy'
import { Form, FormProblem } from '@/ui/form'
import { Icon } from '@/ui/icon'
import { Card } from '@/ui/page'
import { ColumnFields } from './column-fields'
import { ContentsField } from './contents-field'
import { detectionText } from './detection'
import { fieldLabel } from './fields'
import { Fold } from './fold'
import { type LayoutDraft, matched, missingFields } from './layout-draft'
import { runOf } from './run-body'
import { LayoutOptions } from './layout-options'
import type { Import, ImportPreset } from './types'
import { previewQuery } from './use-preview'
import { apiPath } from './use-import'
import { useColumns } from './use-columns'

export interface LayoutProps {
  imported: Import
  draft: LayoutDraft
  onChange: (draft: LayoutDraft) => void
  presets: readonly ImportPreset[]
}

export function LayoutStep(props: LayoutProps) {
  const { imported, draft, presets } = props
  const client = useQueryClient()
  const [, setParams] = useSearchParams()
  const read = useColumns(imported, draft)
  const columns = read.data?.columns ?? imported.detected?.columns ?? []
  const preset = presets.find(({ name }) => name === draft.preset) ?? null
  const run = runOf(draft)
  const preview = useMutation({
    mutationFn: async () => {
      if (run) await client.fetchQuery(previewQuery(imported.import_id, run))
    },
    onSuccess: () => setParams({ step: 'preview' }),
  })
  const error = preview.error ?? read.error
  useMatchedColumns(props, read.data?.columns)
  const found = detectionText(imported)
  const missing = missingFields(draft, preset)
  const isTable = draft.format === 'csv'
  const fields = (
    <ColumnFields
      {...props}
      preset={preset}
      columns={columns}
      samples={read.data?.rows ?? []}
    />
  )
  return (
    <Form error={error} onSubmit={() => preview.mutate()} className="flex flex-col gap-4">
      <Card>
        <div className="flex flex-col gap-4">
          <div className="flex gap-2.5">
            <Icon
              name={found.isComplete ? 'check' : 'info'}
              className={found.isComplete ? 'mt-1 text-good' : 'mt-1 text-muted'}
            />
            <div className="min-w-0">
              <h2 className="text-lg font-semibold wrap-anywhere">{found.title}</h2>
              <p className="text-muted">{found.explanation}</p>
            </div>
          </div>
          {isTable && !found.isComplete && <FoundColumns columns={columns} />}
          <ContentsField {...props} columns={columns} />
          {draft.kind && isTable && preset && (
            <Fold title="Which column fills which field" error={error}>
              {fields}
            </Fold>
          )}
        </div>
      </Card>
      {draft.kind && isTable && !preset && (
        <Card title="Which column fills which field">{fields}</Card>
      )}
      <LayoutOptions {...props} preset={preset} error={error} />
      <FormProblem error={error} />
      <div className="flex flex-wrap items-center gap-2">
        <Button
          type="submit"
          kind="primary"
          busy={preview.isPending}
          disabled={!run || missing.length > 0}
        >
          Preview
        </Button>
        {run && (
          <CopyCurl
            method="POST"
            path={apiPath(imported.import_id, '/preview')}
            body={run}
          />
        )}
        {missing.length > 0 && (
          <p className="text-sm text-muted">
            Still needed: {missing.map((name) => fieldLabel(draft.kind, name)).join(', ')}
            .
          </p>
        )}
      </div>
    </Form>
  )
}

/** Fills the fields once the columns are known, unless somebody has begun to. */
function useMatchedColumns(
  { draft, onChange }: LayoutProps,
  columns: readonly string[] | undefined,
) {
  const { kind, preset, fields, keys } = draft
  const isUntouched = Object.keys(fields).length === 0 && keys.length === 0
  useEffect(() => {
    if (!columns || !kind || preset || !isUntouched) return
    const found = matched(kind, columns)
    if (Object.keys(found.fields).length > 0) onChange({ ...draft, ...found })
  }, [columns, kind, preset, isUntouched])
}

/** So few that a wrong separator shows, so many that they are known again. */
const SHOWN_COLUMNS = 30

function FoundColumns({ columns }: { columns: readonly string[] }) {
  const rest = columns.length - SHOWN_COLUMNS
  return (
    <div className="flex flex-col gap-1.5">
      <p className="font-medium">{count(columns.length, 'column')}</p>
      <ul aria-label="Columns of the file" className="flex flex-wrap gap-1.5">
        {columns.slice(0, SHOWN_COLUMNS).map((column, index) => (
          <li key={index} className="max-w-full min-w-0">
            <Tag>{column}</Tag>
          </li>
        ))}
        {rest > 0 && <li className="text-sm text-muted">and {number(rest)} more</li>}
      </ul>
      {columns.length === 1 && (
        <p className="text-sm text-muted">
          If there are more, choose what separates them, under More options.
        </p>
      )}
    </div>
  )
}
