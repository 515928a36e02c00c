/** What a customer's page says about a merge: under way, ended, or long ago. */
import { useEffect } from 'react'
import { isNotFound } from '@/api/error'
import { type Job, useJob } from '@/api/use-job'
import { useInvalidate } from '@/api/query'
import { count, number } from '@/format'
import { useQueryParam } from '@/url/use-query-param'
import { TextLink } from '@/ui/link'
import { Notice } from '@/ui/notice'
import { Card } from '@/ui/page'
import { Problem } from '@/ui/problem'
import { ProgressBar } from '@/ui/stat'
import type { Customer } from './columns'
import { type MergeResult, mergeSentences } from './merge-result'

export function MergeState({ customer }: { customer: Customer }) {
  const [job] = useQueryParam('merge')
  return (
    <div className="flex flex-col gap-2 not-empty:mb-4">
      {job && <MergeJob id={job} />}
      {customer.merged_into && <MergedInto target={customer.merged_into} />}
      {customer.merging && !job && (
        <Notice title="A merge is under way">
          <p>
            Orders and activity of a customer are being copied. The figures are complete
            once that has ended.
          </p>
        </Notice>
      )}
    </div>
  )
}

function MergedInto({ target }: { target: string }) {
  return (
    <Notice
      title={
        <>
          Merged into{' '}
          <TextLink to={`/customers/${encodeURIComponent(target)}`}>{target}</TextLink>
        </>
      }
    >
      <p>
        This customer is in no list, segment or figure any more. Data that comes for them
        goes to {target}.
      </p>
    </Notice>
  )
}

/** The job that this person started, followed until it ends. */
function MergeJob({ id }: { id: string }) {
  const { value: job, error } = useJob(id)
  const invalidate = useInvalidate()
  const status = job?.status
  useEffect(() => {
    if (status === 'done' || status === 'failed') {
      void invalidate('/api/customers', '/api/orders')
    }
  }, [status, invalidate])
  // A job is kept for a day; after that the customer itself says that it was merged.
  if (isNotFound(error)) return null
  if (!job) return error ? <Problem error={error} /> : null
  if (job.problem) {
    return (
      <Problem error={new Error(job.problem.detail)}>
        The merge has not ended. Merge the customers again: it continues where it stopped.
      </Problem>
    )
  }
  return (
    <Card title={job.status === 'running' ? 'Merging' : 'The merge is complete'}>
      {job.status === 'running' ? (
        <Running progress={job.progress} />
      ) : (
        <Done job={job} />
      )}
    </Card>
  )
}

function Running({ progress: { read, of } }: { progress: Job['progress'] }) {
  return (
    <div className="flex flex-col gap-2" role="status">
      {of > 0 && (
        <ProgressBar
          label="Progress of the merge"
          total={of}
          parts={[{ value: read, color: 'accent' }]}
        />
      )}
      <p className="text-sm text-muted">
        {of > 0
          ? `${number(read)} of ${count(of, 'event')}`
          : 'Copying orders and activity. It goes on when you leave this page.'}
      </p>
    </div>
  )
}

function Done({ job }: { job: Job }) {
  const result = job.result as unknown as MergeResult | null | undefined
  return (
    <p role="status" className="wrap-anywhere">
      {result && mergeSentences(result).join(' ')}
    </p>
  )
}
