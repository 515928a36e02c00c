/** The messages of a campaign, one row per customer. */
import { useId, useState } from 'react'
import { useNavigate } from 'react-router'
import {
  MESSAGE_STATUS,
  count,
  number,
  suppressionExplanation,
  suppressionSentence,
  suppressionSummary,
  suppressionText,
} from '@/format'
import { useQueryParam, useSetQueryParams } from '@/url/use-query-param'
import { Button, IconButton } from '@/ui/button'
import { MessageStatusBadge } from '@/ui/badge'
import { CopyCurl } from '@/ui/copy'
import { CsvButton } from '@/ui/csv-button'
import { Field } from '@/ui/form'
import { Input, Select } from '@/ui/input'
import { Card, None } from '@/ui/page'
import { EmptyState, ErrorState } from '@/ui/state'
import type { Column } from '@/ui/table'
import { Time } from '@/ui/time'
import { VirtualTable } from '@/ui/virtual-table'
import { csvName, csvPath } from './csv'
import { recipientPath } from './paths'
import { hasReasons, reasonChoices, reasonOf } from './reasons'
import { countOf } from './statistics'
import { NotLaunched } from './summary-tab'
import { hasEnded, isLaunched } from './transitions'
import {
  type Campaign,
  MESSAGE_STATUSES,
  type Message,
  type MessageStatus,
} from './types'
import { type MessageFilter, useMessages } from './use-messages'

export function RecipientsTab({ campaign }: { campaign: Campaign }) {
  if (!isLaunched(campaign)) {
    return (
      <Card>
        <NotLaunched campaign={campaign} />
      </Card>
    )
  }
  return <Recipients campaign={campaign} />
}

function Recipients({ campaign }: { campaign: Campaign }) {
  const id = campaign.campaign_id
  const filter = useFilter()
  const query = useMessages(id, filter)
  const link = (message: Message) => recipientPath(id, message.customer_id, filter)
  return (
    <div className="flex flex-col gap-3">
      <Filters campaign={campaign} filter={filter} seen={query.items ?? []} />
      <Explanation filter={filter} />
      <Card flush className="overflow-hidden">
        {query.error && !query.items ? (
          <div className="p-4">
            <ErrorState error={query.error} onRetry={() => void query.refetch()} />
          </div>
        ) : (
          <VirtualTable
            // Another filter is another list, which begins at its top.
            key={`${filter.status} ${filter.reason}`}
            label="Recipients"
            columns={COLUMNS}
            query={query}
            rowKey={(message) => message.customer_id}
            rowLink={link}
            total={totalOf(campaign, filter)}
            empty={<NoRecipients campaign={campaign} filter={filter} query={query} />}
          />
        )}
      </Card>
      <div className="flex flex-wrap items-center justify-between gap-2 text-sm text-muted">
        <p role="status">
          {query.items &&
            shownText(query.items.length, query.hasNextPage, filter, query.scanned)}
        </p>
        <span className="flex items-center gap-1">
          <CopyCurl
            path={`/api/campaigns/${encodeURIComponent(id)}/logs`}
            query={{ status: filter.status, limit: 100 }}
          />
          <IconButton
            small
            icon="refresh"
            label="Read the recipients again"
            onClick={() => void query.refetch()}
          />
        </span>
      </div>
    </div>
  )
}

const COLUMNS: Column<Message>[] = [
  {
    id: 'customer',
    header: 'Customer',
    width: 'minmax(7rem, 1.2fr)',
    cell: (message) => message.customer_id,
  },
  {
    id: 'status',
    header: 'Status',
    width: '7.75rem',
    cell: (message) => <MessageStatusBadge status={message.status} />,
  },
  {
    id: 'reason',
    header: 'Reason',
    width: 'minmax(7.5rem, 2fr)',
    cell: (message) => <Reason message={message} />,
  },
  {
    id: 'to',
    header: 'Address',
    width: 'minmax(12rem, 2fr)',
    wideOnly: true,
    cell: (message) =>
      message.to ? <span title={message.to}>{message.to}</span> : <None />,
  },
  {
    id: 'attempts',
    header: 'Failed attempts',
    width: '8rem',
    align: 'end',
    wideOnly: true,
    cell: (message) => number(message.attempts),
  },
  {
    id: 'updated',
    header: 'Last change',
    width: '13rem',
    align: 'end',
    wideOnly: true,
    cell: (message) => <Time at={message.updated_at} />,
  },
]

function Reason({ message }: { message: Message }) {
  const reason = reasonOf(message)
  if (message.quarantined) return 'An event is in quarantine'
  if (!reason) return <None />
  const suppression = message.status === 'suppressed' ? message.suppression : null
  return (
    <span
      title={suppression ? suppressionSentence(suppression) : reason}
      className="max-md:line-clamp-2 max-md:leading-4.5 max-md:whitespace-normal"
    >
      {suppression ? suppressionSummary(suppression) : suppressionText(reason)}
    </span>
  )
}

function useFilter(): MessageFilter {
  const [status] = useQueryParam('status')
  const [reason] = useQueryParam('reason')
  const known = MESSAGE_STATUSES.find((one) => one === status) ?? null
  return { status: known, reason: reason || null }
}

function Filters({
  campaign,
  filter,
  seen,
}: {
  campaign: Campaign
  filter: MessageFilter
  seen: readonly Message[]
}) {
  const setParams = useSetQueryParams()
  const reasons = reasonChoices(
    filter.status,
    campaign.statistics.suppressed_for,
    seen.flatMap((message) => reasonOf(message) ?? []),
    filter.reason,
  )
  return (
    <div className="flex flex-wrap items-end gap-2">
      <Field label="Status" className="w-44 max-sm:w-full">
        <Select
          value={filter.status ?? ''}
          // The reasons of one status mean nothing for another.
          onChange={(event) => setParams({ status: event.target.value, reason: null })}
        >
          <option value="">All ({number(campaign.statistics.audience)})</option>
          {MESSAGE_STATUSES.map((status) => (
            <option key={status} value={status}>
              {statusLabel(status)} ({number(countOf(campaign.statistics, status))})
            </option>
          ))}
        </Select>
      </Field>
      <Field label="Reason" className="w-56 max-sm:w-full">
        <Select
          value={filter.reason ?? ''}
          disabled={!hasReasons(filter.status)}
          onChange={(event) => setParams({ reason: event.target.value })}
        >
          <option value="">Any</option>
          {reasons.map((reason) => (
            <option key={reason} value={reason}>
              {suppressionText(reason)}
            </option>
          ))}
        </Select>
      </Field>
      <FindCustomer campaign={campaign} filter={filter} />
      <div className="ml-auto flex flex-wrap gap-2 max-sm:ml-0">
        <CsvButton
          path={csvPath(campaign.campaign_id, filter.status)}
          fileName={csvName(campaign.name, filter.status)}
        />
      </div>
    </div>
  )
}

/** What the chosen status and reason mean. */
function Explanation({ filter: { status, reason } }: { filter: MessageFilter }) {
  const sentences = [
    // A reason of a suppression says more than the status does.
    status && !(status === 'suppressed' && reason) && MESSAGE_STATUS[status].explanation,
    reason && suppressionExplanation(reason),
  ].filter(Boolean)
  if (sentences.length === 0) return null
  return <p className="max-w-3xl text-sm text-muted">{sentences.join(' ')}</p>
}

/** Leads to the story of any customer, also of one who got no message. */
function FindCustomer({
  campaign,
  filter,
}: {
  campaign: Campaign
  filter: MessageFilter
}) {
  const [customer, setCustomer] = useState('')
  const navigate = useNavigate()
  const hint = useId()
  return (
    <form
      className="flex items-end gap-2 max-sm:w-full"
      onSubmit={(event) => {
        event.preventDefault()
        const id = customer.trim()
        if (id) void navigate(recipientPath(campaign.campaign_id, id, filter))
      }}
    >
      <Field label="Why, or why not" className="w-48 max-sm:grow">
        <Input
          value={customer}
          placeholder="Customer id"
          aria-describedby={hint}
          onChange={(event) => setCustomer(event.target.value)}
        />
      </Field>
      <Button type="submit" disabled={!customer.trim()}>
        Explain
      </Button>
      <span id={hint} className="sr-only">
        Explains for any customer why there is a message or none.
      </span>
    </form>
  )
}

function NoRecipients({
  campaign,
  filter,
  query,
}: {
  campaign: Campaign
  filter: MessageFilter
  query: ReturnType<typeof useMessages>
}) {
  const setParams = useSetQueryParams()
  if (query.hasNextPage) {
    return (
      <EmptyState
        icon="search"
        title="No such message so far"
        actions={
          <Button
            busy={query.isFetchingNextPage}
            onClick={() => void query.fetchNextPage()}
          >
            Search on
          </Button>
        }
      >
        None of the first {count(query.scanned, 'message')} has this reason.
      </EmptyState>
    )
  }
  if (filter.status || filter.reason) {
    return (
      <EmptyState
        icon="search"
        title="No message has this status and reason"
        actions={
          <Button onClick={() => setParams({ status: null, reason: null })}>
            Show all
          </Button>
        }
      />
    )
  }
  return (
    <EmptyState icon="customers" title="No recipients">
      {noRecipientsText(campaign)}
    </EmptyState>
  )
}

function statusLabel(status: MessageStatus): string {
  return status === 'sent' ? 'Sent, no receipt yet' : MESSAGE_STATUS[status].text
}

function noRecipientsText({ size, status }: Campaign): string {
  if (size) return 'No customer matched the rules at the launch.'
  return hasEnded(status)
    ? 'The campaign was canceled before its audience was determined.'
    : 'The audience is being determined. Recipients appear here as their messages are queued.'
}

function totalOf(campaign: Campaign, filter: MessageFilter): number | undefined {
  if (filter.reason) return undefined
  return filter.status
    ? countOf(campaign.statistics, filter.status)
    : campaign.statistics.audience
}

function shownText(
  shown: number,
  more: boolean,
  filter: MessageFilter,
  scanned: number,
): string {
  const messages = count(shown, 'message')
  if (!more) return messages
  if (filter.reason)
    return `${messages} among the first ${number(scanned)}; scroll for more`
  return `${messages} loaded; scroll for more`
}
