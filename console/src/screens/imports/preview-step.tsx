/** The first rows as they would be sent, and what would be refused. */
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { count, number } from '@/format'
import { Button, ButtonLink } from '@/ui/button'
import { CodeBlock } from '@/ui/code'
import { CopyCurl } from '@/ui/copy'
import { Notice } from '@/ui/notice'
import { Card } from '@/ui/page'
import { Problem } from '@/ui/problem'
import { EmptyState, Loading } from '@/ui/state'
import { StatTile, StatTiles } from '@/ui/stat'
import { Fold } from './fold'
import type { PreviewItem } from './item-columns'
import { ItemTable } from './item-table'
import { type LayoutDraft } from './layout-draft'
import { runOf } from './run-body'
import { RefusalList } from './refusal-list'
import { RunDialog } from './run-dialog'
import { ITEM } from './status'
import type { Import, ImportPreview, ImportRunIn } from './types'
import { previewQuery } from './use-preview'
import { apiPath, importPath } from './use-import'

interface PreviewProps {
  imported: Import
  draft: LayoutDraft
  onStarted: () => void
}

export function PreviewStep({ imported, draft, onStarted }: PreviewProps) {
  const run = runOf(draft)
  if (!run) {
    return (
      <EmptyState
        icon="info"
        title="Nothing to preview yet"
        actions={
          <ButtonLink to={importPath(imported.import_id, 'layout')}>
            Choose the layout
          </ButtonLink>
        }
      >
        It is not known what the file has.
      </EmptyState>
    )
  }
  return <Previewed imported={imported} run={run} onStarted={onStarted} />
}

function Previewed({
  imported,
  run,
  onStarted,
}: Pick<PreviewProps, 'imported' | 'onStarted'> & { run: ImportRunIn }) {
  const { import_id: id } = imported
  const [isAsking, setIsAsking] = useState(false)
  const preview = useQuery(previewQuery(id, run))
  const back = <ButtonLink to={importPath(id, 'layout')}>Change the layout</ButtonLink>
  if (preview.error) {
    return (
      <div className="flex flex-col gap-3">
        <Problem error={preview.error} onRetry={() => void preview.refetch()} />
        <div>{back}</div>
      </div>
    )
  }
  if (!preview.data) return <Loading lines={8} label="Reading the file" />
  const { data } = preview
  const items = ITEM[data.kind]
  return (
    <div className="flex flex-col gap-4">
      {!data.is_whole && (
        <Notice title={`Only the first ${count(data.rows, 'row')} were read`}>
          The import reads the whole file, so it has more {items[1]}, and may refuse more.
        </Notice>
      )}
      <Figures preview={data} />
      {data.refusals.length > 0 && (
        <Card
          title={`${count(data.refused, 'row')} would be refused`}
          actions={
            <span className="text-sm text-muted">
              The others are imported all the same.
            </span>
          }
        >
          <RefusalList refusals={data.refusals} />
        </Card>
      )}
      <FitNotes preview={data} />
      <Card flush title={`The first ${count(data.items.length, ...items)}`}>
        <ItemTable kind={data.kind} items={data.items as PreviewItem[]} />
        {data.items.length > 0 && (
          <div className="border-t border-line px-4 py-3">
            <Fold title="As JSON">
              <CodeBlock
                label="The first items as JSON"
                text={data.items.map((item) => JSON.stringify(item)).join('\n')}
              />
            </Fold>
          </div>
        )}
      </Card>
      <div className="flex flex-wrap items-center gap-2">
        <Button
          kind="primary"
          disabled={data.valid === 0}
          onClick={() => setIsAsking(true)}
        >
          {data.is_whole ? `Import ${count(data.valid, ...items)}…` : 'Import the file…'}
        </Button>
        {back}
        <CopyCurl method="POST" path={apiPath(id, '/preview')} body={run} />
        {data.valid === 0 && (
          <p className="text-sm text-muted">Nothing of the file would be imported.</p>
        )}
      </div>
      <RunDialog
        imported={imported}
        run={run}
        preview={data}
        open={isAsking}
        onClose={() => setIsAsking(false)}
        onStarted={onStarted}
      />
    </div>
  )
}

/** What the import leaves aside, or may read in another way than meant. */
function FitNotes({ preview }: { preview: ImportPreview }) {
  const { left_out_fields: leftOut, unused_columns: unused } = preview
  const { numbers_as_text: numbers } = preview
  const notes: [string, string[]][] = [
    [
      'Left out, since the file lacks the columns',
      leftOut.map(({ field, column }) => `${field} (${column})`),
    ],
    ['Columns that are not used', unused],
    ['Sent as text, although the first rows have numbers', numbers],
  ]
  const shown = notes.filter(([, names]) => names.length > 0)
  if (shown.length === 0) return null
  return (
    <Card title="Columns">
      <dl className="flex flex-col gap-2 text-sm">
        {shown.map(([title, names]) => (
          <div key={title}>
            <dt className="text-muted">{title}</dt>
            <dd className="wrap-anywhere">{names.join(', ')}</dd>
          </div>
        ))}
      </dl>
    </Card>
  )
}

function Figures({ preview }: { preview: ImportPreview }) {
  const [, plural] = ITEM[preview.kind]
  const { rows, valid, refused, skipped, repeated } = preview
  const { ambiguous_times: ambiguous } = preview
  return (
    <StatTiles>
      <StatTile label="Rows read" value={number(rows)} />
      <StatTile
        label={`${plural.charAt(0).toUpperCase()}${plural.slice(1)} to import`}
        value={number(valid)}
        color={valid > 0 ? 'good' : 'fg'}
      />
      <StatTile
        label="Refused"
        value={number(refused)}
        color={refused > 0 ? 'bad' : 'fg'}
      />
      {skipped > 0 && (
        <StatTile label="Left out" value={number(skipped)} detail="By their status" />
      )}
      {ambiguous > 0 && (
        <StatTile
          label="Ambiguous times"
          value={number(ambiguous)}
          detail="Clocks showed them twice; the first counts"
        />
      )}
      {repeated > 0 && (
        <StatTile
          label="Repeated"
          value={number(repeated)}
          detail="Equal to an earlier row"
        />
      )}
    </StatTiles>
  )
}
