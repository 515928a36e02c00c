/** Comparison of heads and views with the log, as a job that the URL names. */
import { useMutation } from '@tanstack/react-query'
import { api, call } from '@/api/client'
import { ApiError } from '@/api/error'
import { type Job, useJob } from '@/api/use-job'
import { useScreenActions } from '@/app/actions'
import { count, number, percent } from '@/format'
import { useQueryParam } from '@/url/use-query-param'
import { Badge } from '@/ui/badge'
import { Button } from '@/ui/button'
import { CopyCurl } from '@/ui/copy'
import { Card, Definitions } from '@/ui/page'
import { Problem } from '@/ui/problem'
import { EmptyState, Loading } from '@/ui/state'
import { ProgressBar } from '@/ui/stat'
import { type Column, Table } from '@/ui/table'
import { Time } from '@/ui/time'
import type { Verification } from './types'

export function VerifyTab() {
  const [job, setJob] = useQueryParam('job')
  const start = useMutation({
    mutationFn: () => call(api.POST('/api/admin/verify', { body: {} })),
    onSuccess: (started) => setJob(started.job_id),
  })
  const followed = useJob(job || null)
  const ended = followed.value !== null && followed.value.status !== 'running'
  const gone = followed.error instanceof ApiError && followed.error.status === 404
  const running = start.isPending || (job !== '' && !ended && !gone)
  useScreenActions(
    running
      ? []
      : [
          {
            id: 'verify',
            label: 'Verify heads and views',
            icon: 'check',
            run: () => start.mutate(),
          },
        ],
  )
  return (
    <div className="flex flex-col gap-4">
      <div className="flex flex-wrap items-start justify-between gap-x-4 gap-y-2">
        <p className="max-w-2xl text-muted">
          Reads the whole log, folds every head and a sample of every view’s documents
          again, and compares them.
        </p>
        <div className="flex flex-wrap items-center gap-2">
          <CopyCurl method="POST" path="/api/admin/verify" body={{}} />
          <Button
            kind={job ? 'secondary' : 'primary'}
            busy={running}
            onClick={() => start.mutate()}
          >
            {job ? 'Verify again' : 'Verify'}
          </Button>
        </div>
      </div>
      {start.error && <Problem error={start.error} onRetry={() => start.mutate()} />}
      {job ? (
        <Outcome job={followed.value} error={followed.error} gone={gone} />
      ) : (
        <Card>
          <EmptyState icon="check" title="Not verified from here yet">
            With a large log this takes a while. It goes on when you leave this page, and
            its link shows the result for a day.
          </EmptyState>
        </Card>
      )}
    </div>
  )
}

function Outcome({
  job,
  error,
  gone,
}: {
  job: Job | null
  error: unknown
  gone: boolean
}) {
  if (gone) {
    return (
      <Card>
        <EmptyState icon="clock" title="This result is gone">
          Results are kept for a day. Verify again to have a new one.
        </EmptyState>
      </Card>
    )
  }
  if (!job) return error ? <Problem error={error} /> : <Loading />
  if (job.status === 'failed') {
    return (
      <Problem
        error={new Error(job.problem?.detail ?? 'The verification did not end.')}
      />
    )
  }
  if (job.status === 'running') return <Running job={job} />
  return <Result job={job} result={job.result as unknown as Verification} />
}

function Running({ job }: { job: Job }) {
  const { read, of } = job.progress
  return (
    <Card>
      <p className="mb-2">
        {of > 0 ? `${percent(Math.min(read, of), of)} read` : 'Starting'}
      </p>
      <ProgressBar
        label="Progress of the verification"
        total={of}
        parts={[{ value: Math.min(read, of), color: 'accent' }]}
      />
    </Card>
  )
}

const VIEWS: Column<Verification['views'][number]>[] = [
  {
    id: 'view',
    header: 'View',
    cell: (view) => <code className="font-mono text-sm">{view.name}</code>,
  },
  {
    id: 'result',
    header: 'Result',
    cell: (view) =>
      !view.verified ? (
        <Badge color="warn">Not verified</Badge>
      ) : view.differences > 0 ? (
        <Badge color="bad">{count(view.differences, 'difference')}</Badge>
      ) : (
        <Badge
          color="good"
          title={
            view.compared === 0 ? 'No document of the sample is in this view.' : undefined
          }
        >
          {view.compared === 0 ? 'Count agrees' : 'Agrees'}
        </Badge>
      ),
  },
  {
    id: 'documents',
    header: 'Documents',
    cell: (view) => number(view.documents),
    align: 'end',
  },
  {
    id: 'compared',
    header: 'Compared',
    cell: (view) => number(view.compared),
    align: 'end',
  },
  {
    id: 'quarantined',
    header: 'Quarantined',
    cell: (view) => number(view.quarantined),
    align: 'end',
    wideOnly: true,
  },
]

function Result({ job, result }: { job: Job; result: Verification }) {
  const { heads, findings } = result
  return (
    <>
      <Card>
        <div className="mb-2 flex flex-wrap items-center gap-2">
          <Badge color={result.clean ? 'good' : 'bad'}>
            {result.clean
              ? 'Everything agrees with the log'
              : count(result.findings_found, 'finding')}
          </Badge>
          <span className="text-sm text-muted">
            ended <Time at={job.ended_at} relative />
          </span>
        </div>
        <Definitions
          wide
          items={[
            { term: 'Events read', value: number(heads.events) },
            { term: 'Heads compared', value: number(heads.heads) },
            { term: 'Differences', value: number(heads.differences) },
            { term: 'Unreadable', value: count(heads.unreadable, 'event') },
            {
              term: 'Trimmed up to',
              value: heads.trimmed.join(', '),
              hidden: heads.trimmed.length === 0,
            },
          ]}
        />
      </Card>
      {findings.length > 0 && (
        <Card title="Findings">
          <ul className="flex list-disc flex-col gap-1 pl-5">
            {findings.map((finding, index) => (
              <li key={index} className="wrap-anywhere">
                <code className="font-mono text-sm">{finding.check}</code>:{' '}
                {finding.detail}
              </li>
            ))}
          </ul>
          {result.findings_found > findings.length && (
            <p className="mt-2 text-sm text-muted">
              The first {number(findings.length)} of {number(result.findings_found)}.
            </p>
          )}
        </Card>
      )}
      <Card flush title="Views">
        <Table
          label="Verified views"
          columns={VIEWS}
          rows={result.views}
          rowKey={(view) => view.name}
        />
      </Card>
    </>
  )
}
