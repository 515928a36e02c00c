import { useApi } from '@/api/query'
import { CodeBlock } from '@/ui/code'
import { TextLink } from '@/ui/link'
import { Card } from '@/ui/page'
import { Read } from '@/ui/state'
import { AudienceValue } from './audience-value'
import { recipientPath } from './paths'
import { isLaunched } from './transitions'
import type { Campaign, Message, MessageStatus } from './types'

const SHOWN = 3

export function MessageTab({ campaign }: { campaign: Campaign }) {
  return (
    <div className="grid items-start gap-4 lg:grid-cols-2">
      <div className="flex min-w-0 flex-col gap-4">
        <Card title="Template">
          <CodeBlock
            text={campaign.message.template}
            label="Template of the message"
            wrap
          />
        </Card>
        <Card title="Audience">
          <AudienceValue campaign={campaign} />
        </Card>
      </div>
      {isLaunched(campaign) && <Texts campaign={campaign} />}
    </div>
  )
}

/** Some of the texts as customers got them, or will get them. */
function Texts({ campaign }: { campaign: Campaign }) {
  const id = campaign.campaign_id
  const status = writtenStatus(campaign)
  const messages = useApi(
    '/api/campaigns/{id}/logs',
    { params: { path: { id }, query: { limit: SHOWN, status } } },
    { staleTime: 30_000 },
  )
  return (
    <Card title="As customers read it">
      <Read
        query={messages as typeof messages & { data: { items: Message[] } | undefined }}
      >
        {({ items }) => <Samples id={id} messages={items.filter(hasText)} />}
      </Read>
    </Card>
  )
}

/** A status whose messages have a text; suppressed messages often have none. */
function writtenStatus({ statistics }: Campaign): MessageStatus {
  if (statistics.delivered > 0) return 'delivered'
  if (statistics.awaiting_receipt > 0) return 'sent'
  if (statistics.unconfirmed > 0) return 'unconfirmed'
  if (statistics.bounced > 0) return 'bounced'
  if (statistics.rejected > 0) return 'rejected'
  if (statistics.failed > statistics.undeliverable) return 'failed'
  return statistics.undeliverable > 0 ? 'undeliverable' : 'queued'
}

function Samples({ id, messages }: { id: string; messages: Message[] }) {
  if (messages.length === 0) {
    return <p className="text-muted">No message has been written yet.</p>
  }
  return (
    <ul className="flex flex-col gap-3">
      {messages.map((message) => (
        <li key={message.customer_id} className="flex flex-col gap-1">
          <p className="text-sm">
            <TextLink to={recipientPath(id, message.customer_id)}>
              {message.customer_id}
            </TextLink>{' '}
            <span className="text-muted">{message.to}</span>
          </p>
          <p className="rounded-md border border-line bg-sunken px-3 py-2.5 wrap-anywhere whitespace-pre-wrap">
            {message.text}
          </p>
        </li>
      ))}
    </ul>
  )
}

function hasText(message: Message): boolean {
  return message.text != null
}
