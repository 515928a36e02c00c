/** A run while it happens, and what became of it. */
import { useState } from 'react'
import { bytes, count, number, percent } from '@/format'
import { useMay } from '@/app/use-session'
import { Button, ButtonLink } from '@/ui/button'
import { Notice } from '@/ui/notice'
import { Card } from '@/ui/page'
import { EmptyState } from '@/ui/state'
import { ProgressBar, StatTile, StatTiles } from '@/ui/stat'
import { Time } from '@/ui/time'
import { ContinueDialog } from './continue-dialog'
import { ImportFacts } from './import-facts'
import { RefusedCard } from './refused-card'
import { resultText } from './result'
import { ITEM } from './status'
import type { Import, ImportPreset } from './types'
import { importPath } from './use-import'
import { waitingWords } from './waiting'

export function RunStep({
  imported,
  mayRun,
  presets,
}: {
  imported: Import
  mayRun: boolean
  presets: readonly ImportPreset[]
}) {
  const { status, progress, waiting_for: waiting, has_refused_rows } = imported
  const isHere = imported.process?.is_this !== false
  const mayImport = useMay('import files')
  return (
    <div className="flex flex-col gap-4">
      {waiting && (
        <Notice title={waitingWords(waiting.reason).title}>
          <p>
            Since <Time at={waiting.since} precise />: {waiting.detail}.
          </p>
          <p>{waitingWords(waiting.reason).explanation}</p>
        </Notice>
      )}
      {status === 'uploaded' ? (
        <Card>
          <EmptyState icon="clock" title="Not started yet">
            {mayImport
              ? 'Nothing of the file was recorded.'
              : 'Nothing of the file was recorded. Marketers and admins can import it.'}
          </EmptyState>
        </Card>
      ) : (
        <Outcome imported={imported} mayRun={mayRun} />
      )}
      {progress && <Figures imported={imported} />}
      {status !== 'running' && has_refused_rows && isHere && (
        <RefusedCard imported={imported} />
      )}
      <ImportFacts imported={imported} presets={presets} />
    </div>
  )
}

function Outcome({ imported, mayRun }: { imported: Import; mayRun: boolean }) {
  const [isAsking, setIsAsking] = useState(false)
  const { status, progress } = imported
  const done = progress?.done_bytes ?? 0
  const { title, detail } = resultText(imported)
  const canContinue = mayRun && (status === 'stopped' || status === 'failed')
  return (
    <Card>
      <div className="flex flex-col gap-3">
        <div role="status">
          <h2 className="text-lg font-semibold wrap-anywhere">{title}</h2>
          {detail && <p className="text-muted wrap-anywhere">{detail}</p>}
        </div>
        {status !== 'finished' && (
          <>
            <ProgressBar
              label="Part of the file that was read"
              parts={[{ value: done, color: status === 'running' ? 'accent' : 'warn' }]}
              total={imported.bytes}
            />
            <p className="text-sm text-muted">
              {bytes(done)} of {bytes(imported.bytes)} ({percent(done, imported.bytes)})
            </p>
          </>
        )}
        <div className="flex flex-wrap gap-2 empty:hidden">
          {canContinue && (
            <>
              <Button kind="primary" icon="play" onClick={() => setIsAsking(true)}>
                Continue…
              </Button>
              <ButtonLink to={importPath(imported.import_id, 'layout')}>
                Change the layout
              </ButtonLink>
            </>
          )}
          {status === 'finished' && (
            <ButtonLink to="/customers" icon="customers">
              Customers
            </ButtonLink>
          )}
        </div>
      </div>
      <ContinueDialog
        imported={imported}
        open={isAsking}
        onClose={() => setIsAsking(false)}
      />
    </Card>
  )
}

function Figures({ imported }: { imported: Import }) {
  const { progress, kind } = imported
  if (!progress) return null
  const [, plural] = ITEM[kind ?? 'customers']
  const { rows, created, updated, unchanged, refused, skipped, repeated } = progress
  const { ambiguous_times: ambiguous, still_unsubscribed: unsubscribed, stale } = progress
  return (
    <StatTiles>
      <StatTile
        label="Rows read"
        value={number(rows)}
        detail={
          rows === progress.read
            ? undefined
            : count(progress.read, ...ITEM[kind ?? 'customers'])
        }
      />
      <StatTile
        label="Created"
        value={number(created)}
        detail={`New ${plural}`}
        color={created > 0 ? 'good' : 'fg'}
      />
      <StatTile label="Updated" value={number(updated)} detail="Known by their id" />
      <StatTile label="Unchanged" value={number(unchanged)} detail="Equal to before" />
      {stale > 0 && (
        <StatTile
          label="Stale"
          value={number(stale)}
          detail="Older than what is recorded"
        />
      )}
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
      {unsubscribed > 0 && (
        <StatTile
          label="Still unsubscribed"
          value={number(unsubscribed)}
          detail="Only a later consent lifts an opt-out"
        />
      )}
      {repeated > 0 && (
        <StatTile
          label="Repeated"
          value={number(repeated)}
          detail="Equal to an earlier row"
        />
      )}
      <StatTile
        label="Refused"
        value={number(refused)}
        color={refused > 0 ? 'bad' : 'fg'}
      />
    </StatTiles>
  )
}
