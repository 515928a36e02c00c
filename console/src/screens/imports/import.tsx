/** One import: its layout, a preview, its run and what became of it. */
import { useSearchParams, useParams } from 'react-router'
import type { Connection } from '@/api/use-follower'
import { useApi } from '@/api/query'
import { useKept } from '@/app/kept'
import { useMay } from '@/app/use-session'
import { LiveBadge } from '@/screens/campaign/live-badge'
import { CopyCurl } from '@/ui/copy'
import { Notice } from '@/ui/notice'
import { PageHeader } from '@/ui/page'
import { Problem } from '@/ui/problem'
import { Read } from '@/ui/state'
import { Stepper } from '@/ui/stepper'
import { ImportActions } from './actions'
import { draftOf } from './layout-draft'
import { LayoutStep } from './layout-step'
import { PreviewStep } from './preview-step'
import { ProcessNotice } from './process-notice'
import { RunStep } from './run-step'
import { ImportStatusBadge } from './status'
import { openSteps, stepOf, STEPS } from './steps'
import type { Import } from './types'
import { apiPath, useImport } from './use-import'

const BREADCRUMBS = [{ label: 'Imports', to: '/imports' }]

export function Component() {
  const { id = '' } = useParams()
  const query = useImport(id)
  if (query.data === undefined) {
    const back = { label: 'All imports', to: '/imports' }
    return (
      <>
        <PageHeader title="Import" breadcrumbs={BREADCRUMBS} />
        <Read query={query} back={back} lines={8}>
          {() => null}
        </Read>
      </>
    )
  }
  return (
    <ImportScreen
      key={id}
      imported={query.data}
      connection={query.connection}
      problem={
        query.error && (
          <Problem error={query.error} onRetry={() => void query.refetch()} />
        )
      }
    />
  )
}

function ImportScreen({
  imported,
  connection,
  problem,
}: {
  imported: Import
  connection: Connection
  problem: React.ReactNode
}) {
  const id = imported.import_id
  const [params] = useSearchParams()
  const mayImport = useMay('import files')
  const isElsewhere = imported.process?.is_this === false
  const mayRun = mayImport && !isElsewhere
  const step = stepOf(params.get('step') ?? '', imported.status, mayRun)
  const open = openSteps(imported.status, mayRun)
  // After a run, the draft begins with what was run.
  const key = `import.${id}.${imported.started_at ?? 'new'}`
  const [draft, setDraft, forgetDraft] = useKept(key, draftOf(imported))
  const presets = useApi('/api/imports/presets', undefined, { staleTime: Infinity })
  const known = presets.data?.items ?? []
  return (
    <>
      <PageHeader
        title={imported.file_name}
        breadcrumbs={BREADCRUMBS}
        badge={
          <>
            <ImportStatusBadge {...imported} />
            <LiveBadge connection={connection} />
          </>
        }
        actions={
          <>
            <CopyCurl path={apiPath(id)} />
            <ImportActions imported={imported} mayStop={mayRun} onDeleted={forgetDraft} />
          </>
        }
      />
      <div className="flex flex-col gap-2 not-empty:mb-4">
        {problem}
        {presets.error && (
          <Problem error={presets.error} onRetry={() => void presets.refetch()} />
        )}
        <ProcessNotice imported={imported} />
        {imported.quarantined && (
          <Notice title="An event of this import is in quarantine">
            The import is shown without the event at {imported.quarantined.position} and
            all later ones: {imported.quarantined.reason}. An operator can resolve it.
          </Notice>
        )}
      </div>
      {mayRun && (
        <Stepper
          steps={STEPS}
          step={step}
          isReachable={(other) => open.includes(other)}
        />
      )}
      {step === 'layout' && (
        <LayoutStep
          imported={imported}
          draft={draft}
          onChange={setDraft}
          presets={known}
        />
      )}
      {step === 'preview' && (
        <PreviewStep imported={imported} draft={draft} onStarted={forgetDraft} />
      )}
      {step === 'run' && <RunStep imported={imported} mayRun={mayRun} presets={known} />}
    </>
  )
}
