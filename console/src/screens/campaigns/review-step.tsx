import type { ReactNode } from 'react'
import { Link } from 'react-router'
import type { Schemas } from '@/api/client'
import { useApi } from '@/api/query'
import { count, duration, number } from '@/format'
import { fromLocalInput } from '@/format/local-time'
import { RuleSentence } from '@/screens/segments/rule-sentence'
import { ButtonLink, buttonClass } from '@/ui/button'
import { TextLink } from '@/ui/link'
import { Card, Definitions } from '@/ui/page'
import { ErrorState, Loading } from '@/ui/state'
import { Time } from '@/ui/time'
import { type DraftForm, type Step, STARTER, tagsOf } from './content'
import { hasPassed, sendingTime } from './delivery'
import { LaunchButton } from './launch-button'
import { PreviewedMessage } from './message-preview'
import { someOf } from './recipients'
import type { Autosave } from './use-autosave'
import { type Reason, useRecipients, WRITTEN } from './use-recipients'

export function ReviewStep({
  campaign,
  form,
  saving,
  open,
}: {
  campaign: Schemas['Campaign']
  form: DraftForm
  saving: Autosave
  open: readonly Step[]
}) {
  const recipients = useRecipients(form)
  const warnings = warningsOf(form, recipients)
  const first = recipients.written.find((message) => message.text && !message.suppression)
  return (
    <>
      {open.length > 0 && (
        <Note color="bad">
          Something must change before the launch:{' '}
          {open.map((step, index) => (
            <span key={step}>
              {index > 0 && ', '}
              <StepLink step={step} />
            </span>
          ))}
          .
        </Note>
      )}
      {warnings.map((warning, index) => (
        <Note key={index} color="warn">
          {warning}
        </Note>
      ))}
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Card
          title="Who gets it, who does not and why"
          actions={<Edit step="audience" />}
        >
          <Recipients recipients={recipients} />
        </Card>
        <div className="flex min-w-0 flex-col gap-4">
          <Card title="When and how fast" actions={<Edit step="delivery" />}>
            <Plan form={form} reached={recipients.counts?.reached} />
          </Card>
          <Card title="Message" actions={<Edit step="message" />}>
            {first ? (
              <PreviewedMessage message={first} />
            ) : (
              <p className="rounded-md bg-sunken px-3 py-2 wrap-anywhere whitespace-pre-wrap">
                {form.template}
              </p>
            )}
          </Card>
        </div>
      </div>
      <footer className="flex flex-wrap items-center justify-end gap-2 border-t border-line pt-4">
        <ButtonLink to={{ search: '?step=delivery' }}>Back</ButtonLink>
        <LaunchButton
          campaign={campaign}
          form={form}
          saving={saving}
          isReady={open.length === 0}
          reached={recipients.counts?.reached}
        />
      </footer>
    </>
  )
}

type RecipientsState = ReturnType<typeof useRecipients>

/** What can be launched, but may not be meant. */
function warningsOf(form: DraftForm, { counts, problems, written }: RecipientsState) {
  const warnings: ReactNode[] = []
  if (form.template.trim() === STARTER.trim()) {
    warnings.push('The message is still the greeting that every draft begins with.')
  }
  const at = fromLocalInput(form.at)
  if (form.when === 'later' && at && hasPassed(at)) {
    warnings.push(
      <>
        The time of the start has passed.{' '}
        <StepLink step="delivery" text="Choose another" />.
      </>,
    )
  }
  if (counts?.reached === 0) {
    warnings.push('Nobody would get the message now.')
  }
  const failing = problems.reduce((sum, { customers }) => sum + customers.length, 0)
  if (failing > 0) {
    const reasons = problems.map(({ problem }) => problem).join('; ')
    warnings.push(
      <>
        Of {count(written.length, 'customer')} in a sample, {number(failing)} would get
        nothing because the message cannot be written for them: {reasons}.{' '}
        <StepLink step="message" text="Give the field a default" />.
      </>,
    )
  }
  return warnings
}

function Recipients({ recipients }: { recipients: RecipientsState }) {
  const { counts, problems, written, error, text } = recipients
  if (error) return <ErrorState error={error} onRetry={recipients.refetch} />
  if (!counts) return <Loading lines={6} label="Counting the recipients" />
  const failing = problems.reduce((sum, { customers }) => sum + customers.length, 0)
  return (
    <div className="flex flex-col gap-4">
      <p>
        <strong className="text-2xl font-semibold">{number(counts.reached)}</strong>
        <span className="text-muted">
          {' '}
          of {count(counts.matching, 'matching customer')} would get it now
        </span>
      </p>
      <dl className="flex flex-col">
        <Row term="Match the audience" value={number(counts.matching)}>
          {text && <RuleSentence text={text} />}
        </Row>
        <ReasonRow term="Unsubscribed" reason={counts.unsubscribed} />
        <ReasonRow term="No email address or phone number" reason={counts.addressless} />
        <Row
          term="Message cannot be written"
          value={failing ? `${number(failing)} of ${number(written.length)}` : 'none'}
        >
          {written.length >= WRITTEN || failing > 0
            ? `Checked with a sample of ${count(written.length, 'customer')}.`
            : written.length > 0
              ? `Checked with ${count(written.length, 'customer')}.`
              : null}
        </Row>
        {counts.undetermined > 0 && (
          <Row term="Undetermined" value={number(counts.undetermined)}>
            An event of theirs is in quarantine, so it is unknown whether they match.
          </Row>
        )}
      </dl>
      <p className="text-sm text-muted">
        Counted now, of {count(counts.total, 'customer')} in all. The launch fixes the
        recipients: customers in their state at that moment.
      </p>
    </div>
  )
}

function ReasonRow({ term, reason }: { term: string; reason: Reason }) {
  const names = reason.customers.map((customer) => customer.name ?? customer.customer_id)
  return (
    <Row term={term} value={reason.count ? `−${number(reason.count)}` : 'none'}>
      {reason.count > 0 && someOf(names, reason.count)}
    </Row>
  )
}

function Row({
  term,
  value,
  children,
}: {
  term: string
  value: string
  children?: ReactNode
}) {
  return (
    <div className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-3 border-t border-line py-2">
      <dt>{term}</dt>
      <dd className="text-right">{value}</dd>
      {children && <dd className="col-span-2 text-sm text-muted">{children}</dd>}
    </div>
  )
}

function Plan({ form, reached }: { form: DraftForm; reached: number | undefined }) {
  const at = form.when === 'later' ? fromLocalInput(form.at) : null
  const rate = form.pace === 'limited' ? Number(form.rate) : null
  const segment = useApi(
    '/api/segments/{id}',
    { params: { path: { id: form.segmentId } } },
    { enabled: form.audience === 'segment' && form.segmentId !== '' },
  )
  return (
    <Definitions
      items={[
        { term: 'Start', value: at ? <Time at={at} zone /> : 'At once, with the launch' },
        {
          term: 'Pace',
          value: rate
            ? `At most ${count(rate, 'message')} per second`
            : 'As fast as the vendor takes them',
        },
        {
          term: 'Duration',
          hidden: !rate || reached === undefined,
          value: `At least ${duration(sendingTime(reached ?? 0, rate || 1))}`,
        },
        {
          term: 'Segment',
          hidden: form.audience !== 'segment' || !segment.data,
          value: segment.data && (
            <TextLink to={`/segments/${encodeURIComponent(form.segmentId)}`}>
              {segment.data.name}
            </TextLink>
          ),
        },
        {
          term: 'Tags',
          hidden: tagsOf(form.tags).length === 0,
          value: tagsOf(form.tags).join(', '),
        },
      ]}
    />
  )
}

const NAMES: Record<Step, string> = {
  audience: 'the audience',
  message: 'the message',
  delivery: 'when and how fast',
  review: 'the review',
}

function StepLink({ step, text = NAMES[step] }: { step: Step; text?: string }) {
  return <TextLink to={{ search: `?step=${step}` }}>{text}</TextLink>
}

function Edit({ step }: { step: Step }) {
  return (
    <Link
      to={{ search: `?step=${step}` }}
      className={buttonClass('quiet', true)}
      aria-label={`Edit ${NAMES[step]}`}
    >
      Edit
    </Link>
  )
}

function Note({ color, children }: { color: 'bad' | 'warn'; children: ReactNode }) {
  const look =
    color === 'bad' ? 'border-bad/40 bg-bad-soft' : 'border-warn/40 bg-warn-soft'
  return (
    <p role="alert" className={`rounded-md border px-3 py-2.5 ${look}`}>
      {children}
    </p>
  )
}
