/** The accounts of a campaign, computed from the log by a job; the job is in the URL. */
import { useMutation } from '@tanstack/react-query'
import { api, call } from '@/api/client'
import { ApiError } from '@/api/error'
import { type Job, useJob } from '@/api/use-job'
import { COMPLAINT, MESSAGE_STATUS, count, number, percent } from '@/format'
import { useQueryParam } from '@/url/use-query-param'
import { Button } from '@/ui/button'
import { cx } from '@/ui/cx'
import { Icon } from '@/ui/icon'
import { CopyCurl } from '@/ui/copy'
import { TextLink } from '@/ui/link'
import { Card, Definitions, None } from '@/ui/page'
import { Problem } from '@/ui/problem'
import { EmptyState, Loading } from '@/ui/state'
import { ProgressBar } from '@/ui/stat'
import { type Column, Table } from '@/ui/table'
import { Time } from '@/ui/time'
import { Tooltip } from '@/ui/tooltip'
import { equationOf, findingOf, kindLabel } from './equation'
import { recipientPath } from './paths'
import { NotLaunched } from './summary-tab'
import { isLaunched } from './transitions'
import type { Campaign, MessageStatus, Reconciliation } from './types'

export function ReconcileTab({ campaign }: { campaign: Campaign }) {
  if (!isLaunched(campaign)) {
    return (
      <Card>
        <NotLaunched campaign={campaign} />
      </Card>
    )
  }
  return <Reconcile campaign={campaign} />
}

function Reconcile({ campaign }: { campaign: Campaign }) {
  const id = campaign.campaign_id
  const [job, setJob] = useQueryParam('job')
  const start = useMutation({
    mutationFn: () => startReconciliation(id),
    onSuccess: (started) => setJob(started.job_id),
  })
  const followed = useJob(job || null)
  const running =
    start.isPending ||
    (job !== '' &&
      followed.value?.status !== 'done' &&
      !hasFailed(followed.value) &&
      !isGone(followed.error))
  return (
    <div className="flex flex-col gap-4">
      <div className="flex flex-wrap items-start justify-between gap-x-4 gap-y-2">
        <p className="max-w-2xl text-muted">
          Reads the whole log and accounts for every recipient: each customer who matched
          at the launch has exactly one message, and the views say the same as the log.
        </p>
        <div className="flex flex-wrap items-center gap-2">
          <CopyCurl path={`/api/campaigns/${encodeURIComponent(id)}/reconcile`} />
          <Button
            kind={job ? 'secondary' : 'primary'}
            icon="refresh"
            busy={running}
            onClick={() => start.mutate()}
          >
            {job ? 'Reconcile again' : 'Reconcile'}
          </Button>
        </div>
      </div>
      {start.error && <Problem error={start.error} onRetry={() => start.mutate()} />}
      {job && (
        <JobState job={followed.value} error={followed.error} campaign={campaign} />
      )}
      {!job && !start.isPending && (
        <Card>
          <EmptyState icon="audit" title="Not reconciled yet">
            With a large log this takes a while. It goes on when you leave this page; its
            link shows the result for a day.
          </EmptyState>
        </Card>
      )}
    </div>
  )
}

/** Starts at once as a job, so that the result has a link. */
async function startReconciliation(id: string): Promise<Job> {
  const params = { path: { id }, header: { Prefer: 'respond-async' as const } }
  return (await call(
    api.GET('/api/campaigns/{id}/reconcile', { params }),
  )) as unknown as Job
}

function hasFailed(job: Job | null): boolean {
  return job?.status === 'failed'
}

function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404
}

function JobState({
  job,
  error,
  campaign,
}: {
  job: Job | null
  error: unknown
  campaign: Campaign
}) {
  if (!job) {
    if (isGone(error)) {
      return (
        <Card>
          <EmptyState icon="clock" title="The result is no longer kept">
            Results are kept for a day. Reconcile again.
          </EmptyState>
        </Card>
      )
    }
    return error ? <Problem error={error} /> : <Loading label="Reading the job" />
  }
  if (job.status === 'running') return <Running progress={job.progress} />
  if (job.problem) return <JobProblem problem={job.problem} />
  const accounts = job.result as Reconciliation | null | undefined
  if (!accounts) return null
  return <Accounts accounts={accounts} at={job.started_at} campaign={campaign} />
}

function Running({ progress }: { progress: Job['progress'] }) {
  return (
    <Card title="Reading the log">
      <div className="flex flex-col gap-2" role="status">
        <ProgressBar
          label="Events read"
          total={progress.of}
          parts={[{ value: progress.read, color: 'accent' }]}
        />
        <p className="text-sm text-muted">
          {progress.of === 0
            ? 'Counting the events…'
            : `${number(progress.read)} of ${count(progress.of, 'event')} (${percent(progress.read, progress.of)})`}
        </p>
      </div>
    </Card>
  )
}

function JobProblem({ problem }: { problem: NonNullable<Job['problem']> }) {
  const error = new ApiError(
    problem.status,
    problem.type,
    problem.title,
    problem.detail,
    problem.errors ?? [],
    problem.instance ?? null,
    null,
    { method: 'GET', path: window.location.pathname },
  )
  return <Problem error={error} />
}

function Accounts({
  accounts,
  at,
  campaign,
}: {
  accounts: Reconciliation
  at: string
  campaign: Campaign
}) {
  const finding = findingOf(accounts)
  return (
    <>
      <section
        aria-label="Result"
        className={cx(
          'flex flex-col gap-1 rounded-lg border px-4 py-3',
          finding.isClean ? 'border-good/40 bg-good-soft' : 'border-bad/40 bg-bad-soft',
        )}
      >
        <h2
          className={cx(
            'flex items-center gap-2 text-lg font-semibold',
            finding.isClean ? 'text-good' : 'text-bad',
          )}
        >
          <Icon name={finding.isClean ? 'check' : 'warning'} />
          {finding.title}
        </h2>
        <p className="text-sm">
          As of <Time at={at} precise />, from the log itself.
        </p>
        {finding.reservations.map((reservation) => (
          <p key={reservation} className="max-w-3xl text-sm">
            {reservation}
          </p>
        ))}
      </section>
      <EquationCard accounts={accounts} />
      {accounts.discrepancies.length > 0 && (
        <Discrepancies accounts={accounts} campaign={campaign} />
      )}
      {accounts.quarantined.length > 0 && <Quarantined events={accounts.quarantined} />}
    </>
  )
}

function EquationCard({ accounts }: { accounts: Reconciliation }) {
  const equation = equationOf(accounts)
  const terms = [
    { label: 'sent', value: equation.sent },
    { label: 'failed', value: equation.failed },
    { label: 'suppressed', value: equation.suppressed },
    { label: 'pending', value: equation.pending },
  ]
  return (
    <Card title="The sum">
      <p
        className="flex flex-wrap items-end gap-x-3 gap-y-2"
        aria-label={`${equation.planned} planned ${equation.difference === 0 ? '=' : '≠'} ${terms.map((term) => `${term.value} ${term.label}`).join(' + ')}`}
        role="math"
      >
        <Term label="planned" value={equation.planned} />
        <Sign text={equation.difference === 0 ? '=' : '≠'} />
        {terms.map((term, index) => (
          <span key={term.label} className="flex items-end gap-3">
            {index > 0 && <Sign text="+" />}
            <Term label={term.label} value={term.value} />
          </span>
        ))}
      </p>
      {equation.difference !== 0 && (
        <p className="mt-2 text-bad">
          {count(Math.abs(equation.difference), 'message')}{' '}
          {equation.difference > 0 ? 'missing' : 'too many'}.
        </p>
      )}
      <div className="mt-3">
        <Definitions
          wide
          items={[
            { term: 'Delivered', value: number(accounts.delivered) },
            { term: 'Awaiting receipts', value: <Awaiting accounts={accounts} /> },
            {
              term: <StatusTerm status="unconfirmed" />,
              value: number(accounts.unconfirmed),
            },
            { term: <StatusTerm status="bounced" />, value: number(accounts.bounced) },
            { term: <StatusTerm status="rejected" />, value: number(accounts.rejected) },
            {
              term: <StatusTerm status="undeliverable" />,
              value: number(accounts.undeliverable),
            },
            {
              term: <Tooltip text={COMPLAINT}>Complaints</Tooltip>,
              value: number(accounts.complained),
            },
            { term: 'Refused receipts', value: number(accounts.refused_receipts) },
            { term: 'Undetermined', value: number(accounts.undetermined) },
            { term: 'Views compared', value: accounts.views_compared ? 'yes' : 'no' },
            {
              term: 'Texts compared',
              value: accounts.texts_compared ? 'all' : 'not all',
            },
            { term: 'Discrepancies', value: number(accounts.discrepancies_found) },
          ]}
        />
      </div>
    </Card>
  )
}

function StatusTerm({ status }: { status: MessageStatus }) {
  const { text, explanation } = MESSAGE_STATUS[status]
  return <Tooltip text={explanation}>{text}</Tooltip>
}

function Awaiting({ accounts }: { accounts: Reconciliation }) {
  return (
    <>
      {number(accounts.awaiting_receipt)}
      {accounts.awaiting_since && (
        <span className="text-muted">
          {' '}
          since <Time at={accounts.awaiting_since} precise />
        </span>
      )}
    </>
  )
}

function Term({ label, value }: { label: string; value: number }) {
  return (
    <span className="flex flex-col">
      <span className="text-2xl font-semibold">{number(value)}</span>
      <span className="text-sm text-muted">{label}</span>
    </span>
  )
}

function Sign({ text }: { text: string }) {
  return <span className="pb-5 text-xl text-muted">{text}</span>
}

type Discrepancy = Reconciliation['discrepancies'][number]

function Discrepancies({
  accounts,
  campaign,
}: {
  accounts: Reconciliation
  campaign: Campaign
}) {
  const { discrepancies, discrepancies_found: found } = accounts
  const columns: Column<Discrepancy>[] = [
    { id: 'kind', header: 'What', cell: ({ kind }) => kindLabel(kind) },
    {
      id: 'customer',
      header: 'Customer',
      cell: ({ customer_id: customer }) =>
        customer ? (
          <TextLink to={recipientPath(campaign.campaign_id, customer)}>
            {customer}
          </TextLink>
        ) : (
          <None />
        ),
    },
    {
      id: 'detail',
      header: 'Detail',
      cell: ({ detail }) => <span className="wrap-anywhere">{detail}</span>,
    },
  ]
  return (
    <Card title="Discrepancies" flush>
      <Table
        label="Discrepancies"
        columns={columns}
        rows={discrepancies}
        rowKey={(row) => `${row.kind} ${row.customer_id} ${row.detail}`}
        footer={
          found > discrepancies.length && (
            <p className="px-4 py-2 text-sm text-muted">
              The first {number(discrepancies.length)} of {number(found)}.
            </p>
          )
        }
      />
    </Card>
  )
}

function Quarantined({ events }: { events: Reconciliation['quarantined'] }) {
  return (
    <Card title="Events in quarantine" flush>
      <Table
        label="Events in quarantine"
        columns={[
          { id: 'position', header: 'Position', cell: (event) => event.position },
          { id: 'view', header: 'View', cell: (event) => event.view },
          { id: 'document', header: 'Document', cell: (event) => event.document },
          { id: 'reason', header: 'Reason', cell: (event) => event.reason },
        ]}
        rows={events}
        rowKey={(event) => `${event.position} ${event.view}`}
      />
    </Card>
  )
}
