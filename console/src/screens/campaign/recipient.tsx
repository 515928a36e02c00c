/** The full story of one customer in a campaign: why they got a message, or why not. */
import { useParams } from 'react-router'
import { pathOf } from '@/api/curl'
import { ApiError } from '@/api/error'
import { useApi } from '@/api/query'
import { useMay } from '@/app/use-session'
import { actorText } from '@/format'
import { usePathPart } from '@/url/path-part'
import { useQueryParam } from '@/url/use-query-param'
import { Dot, MessageStatusBadge } from '@/ui/badge'
import { CopyButton, CopyCurl } from '@/ui/copy'
import { ButtonLink } from '@/ui/button'
import { TextLink } from '@/ui/link'
import { Notice } from '@/ui/notice'
import { Card, Definitions, PageHeader } from '@/ui/page'
import { EmptyState, Read } from '@/ui/state'
import { Time } from '@/ui/time'
import { VerdictTree } from '@/ui/verdict-tree'
import { campaignPath, messageHistoryPath, recipientsPath } from './paths'
import { letterOf, type Step, stepsOf, type Tone, verdictOf } from './story'
import type { Campaign, Recipient } from './types'

const COLORS = { neutral: 'neutral', good: 'good', bad: 'bad', waiting: 'warn' } as const

export function Component() {
  const { id = '' } = useParams()
  const customerId = usePathPart(3)
  const [status] = useQueryParam('status')
  const [reason] = useQueryParam('reason')
  const campaign = useApi('/api/campaigns/{id}', { params: { path: { id } } })
  const customer = useApi('/api/customers/{id}', { params: { path: { id: customerId } } })
  const story = useApi('/api/campaigns/{id}/recipients/{customer_id}', {
    params: { path: { id, customer_id: customerId } },
  })
  const recipients = recipientsPath(id, { status, reason })
  const messageStatus = story.data?.message?.status
  return (
    <>
      <PageHeader
        title={customer.data?.name ?? customerId}
        breadcrumbs={[
          { label: 'Campaigns', to: '/campaigns' },
          { label: campaign.data?.name ?? id, to: campaignPath(id) },
          { label: 'Recipients', to: recipients },
        ]}
        description={customer.data?.name && `Customer ${customerId}`}
        badge={messageStatus && <MessageStatusBadge status={messageStatus} />}
        actions={
          <>
            <CopyCurl
              path={`/api/campaigns/${encodeURIComponent(id)}/recipients/${encodeURIComponent(customerId)}`}
            />
            <ButtonLink
              to={`/customers/${encodeURIComponent(customerId)}`}
              icon="customers"
            >
              Customer
            </ButtonLink>
            <HistoryLink id={id} customer={customerId} />
          </>
        }
      />
      {story.error instanceof ApiError && story.error.is('not-launched') ? (
        <Card>
          <EmptyState
            icon="campaigns"
            title="Not launched yet"
            actions={<ButtonLink to={campaignPath(id)}>To the campaign</ButtonLink>}
          >
            The launch decides who gets a message.
          </EmptyState>
        </Card>
      ) : (
        <Read
          query={story}
          back={{ label: 'To the recipients', to: recipients }}
          lines={8}
        >
          {(recipient) => (
            <Story
              recipient={recipient}
              campaign={campaign.data}
              currency={customer.data?.currency}
              address={customer.data?.email ?? customer.data?.phone}
            />
          )}
        </Read>
      )}
    </>
  )
}

function HistoryLink({ id, customer }: { id: string; customer: string }) {
  const mayAudit = useMay('read the audit trail')
  if (!mayAudit) return null
  return (
    <ButtonLink to={messageHistoryPath(id, customer)} icon="audit">
      History of this message
    </ButtonLink>
  )
}

function Story({
  recipient,
  campaign,
  currency,
  address,
}: {
  recipient: Recipient
  campaign: Campaign | undefined
  currency: string | undefined
  /** The customer's address of today. */
  address: string | null | undefined
}) {
  const verdict = verdictOf(recipient)
  const events = recipient.message?.events ?? []
  const quarantined = recipient.message?.quarantined
  return (
    <div className="flex flex-col gap-4">
      <p className="flex items-center gap-2.5 rounded-lg border border-line bg-surface px-4 py-3 text-lg">
        <Dot color={COLORS[verdict.tone]} />
        <span>
          {verdict.sentence}
          {recipient.suppression?.reason === 'suppression_list' && address && (
            <>
              {' '}
              <TextLink to={pathOf('/suppressions', { address })}>
                Suppression list
              </TextLink>
            </>
          )}
        </span>
      </p>
      {quarantined && (
        <Notice title="An event of this message is in quarantine">
          The event at {quarantined.position} cannot be shown: {quarantined.reason}. An
          operator can resolve it.
        </Notice>
      )}
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <div className="flex min-w-0 flex-col gap-4">
          <Conditions recipient={recipient} campaign={campaign} currency={currency} />
        </div>
        <div className="flex min-w-0 flex-col gap-4">
          <LetterCard events={events} />
          <Steps steps={stepsOf(events)} />
        </div>
      </div>
    </div>
  )
}

function Conditions({
  recipient,
  campaign,
  currency,
}: {
  recipient: Recipient
  campaign: Campaign | undefined
  currency: string | undefined
}) {
  return (
    <Card
      title={
        recipient.matched
          ? 'Why the customer was chosen'
          : 'Why the customer was not chosen'
      }
    >
      <div className="flex flex-col gap-2">
        <p className="text-sm text-muted">
          The rules and the customer’s values at the launch,{' '}
          <Time at={recipient.as_of} precise />.
        </p>
        {recipient.rules.length > 0 ? (
          <VerdictTree
            verdicts={recipient.rules}
            rules={campaign?.rules}
            currency={currency}
          />
        ) : (
          <p>
            {recipient.undetermined
              ? 'The values at the launch are not known, because an event is in quarantine.'
              : 'The customer did not exist then, so there are no values.'}
          </p>
        )}
      </div>
    </Card>
  )
}

function LetterCard({ events }: { events: NonNullable<Recipient['message']>['events'] }) {
  const letter = letterOf(events)
  if (!letter) return null
  return (
    <Card
      title="Message"
      actions={letter.text && <CopyButton text={letter.text} label="Copy the text" />}
    >
      <Definitions
        items={[
          { term: 'Channel', value: letter.channel === 'phone' ? 'Phone' : 'Email' },
          { term: 'To', value: letter.to },
        ]}
      />
      {letter.text !== null ? (
        <p
          aria-label="Text of the message"
          role="region"
          className="mt-3 rounded-md border border-line bg-sunken px-3 py-2.5 wrap-anywhere whitespace-pre-wrap"
        >
          {letter.text}
        </p>
      ) : (
        <p className="mt-3 text-muted">The text cannot be shown: {letter.problem}.</p>
      )}
    </Card>
  )
}

function Steps({ steps }: { steps: Step[] }) {
  if (steps.length === 0) return null
  return (
    <Card title="What happened">
      <ol className="flex flex-col">
        {steps.map((step) => (
          <li
            key={step.position}
            className="relative flex gap-3 pb-4 last:pb-0 before:absolute before:top-4 before:bottom-0 before:left-[3.5px] before:w-px before:bg-line last:before:hidden"
          >
            <span className="relative mt-1.5 flex">
              <Dot color={COLORS[step.tone satisfies Tone]} />
            </span>
            <StepText step={step} />
          </li>
        ))}
      </ol>
    </Card>
  )
}

function StepText({ step }: { step: Step }) {
  const mayAudit = useMay('read the audit trail')
  return (
    <div className="flex min-w-0 grow flex-col gap-0.5">
      <div className="flex flex-wrap items-baseline justify-between gap-x-3">
        <span className="font-medium">{step.title}</span>
        <span className="text-sm text-muted">
          <Time at={step.at} precise />
        </span>
      </div>
      {step.detail && <p className="text-sm wrap-anywhere">{step.detail}</p>}
      {step.time && (
        <p className="text-sm text-muted">
          {step.time.label}: <Time at={step.time.at} precise />
        </p>
      )}
      <p className="text-sm text-muted wrap-anywhere">
        by {actorText(step.actor)}
        {mayAudit && (
          <>
            {' · '}
            <TextLink to={`/audit/${encodeURIComponent(step.position)}`}>
              Entry {step.position}
            </TextLink>
          </>
        )}
      </p>
    </div>
  )
}
