/** Events of a customer's timeline as sentences. */
import type { Schemas } from '@/api/client'
import {
  COMPLAINT,
  MESSAGE_STATUS,
  suppressionOf,
  suppressionSentence,
  suppressionSummary,
  words,
} from '@/format'
import { aggregateParts } from '@/format/aggregate'
import { leaves } from '@/format/attributes'
import type { StatusColor } from '@/format/status'

export type TimelineItem = Schemas['TimelineItem']
export type Kind = 'profile' | 'orders' | 'activity' | 'messages'

export interface Happening {
  kind: Kind
  color: StatusColor
  title: string
  detail: string | null
  /** Amount in minor units with its currency, and the part that was paid back. */
  amount: { minor: number; refunded: number; currency: string } | null
  /** Campaign of a message. */
  campaignId: string | null
}

const DAY = 86_400_000

/** When an event was recorded, if that was more than a day after it happened. */
export function recordedLater({
  occurred_at,
  recorded_at,
}: Pick<TimelineItem, 'occurred_at' | 'recorded_at'>): string | null {
  return Date.parse(recorded_at) - Date.parse(occurred_at) > DAY ? recorded_at : null
}

type Data = Record<string, unknown>

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
const record = (value: unknown): Data =>
  typeof value === 'object' && value !== null ? (value as Data) : {}

/** Describes an event. `currency` is the customer's: that of all orders of a deployment. */
export function describe(item: TimelineItem, currency: string): Happening {
  const name = item.type.replace(/\.\d+$/, '')
  const data = record(item.data)
  const parts = aggregateParts(item.aggregate)
  const plain = { detail: null, amount: null, campaignId: null }
  switch (parts[0]) {
    case 'order':
      return {
        ...plain,
        kind: 'orders',
        ...describeOrder(name, data, parts[2] ?? '', currency),
      }
    case 'activity':
      return { ...plain, kind: 'activity', ...describeActivity(name, data) }
    case 'message':
      return {
        ...plain,
        kind: 'messages',
        ...describeMessage(name, data),
        campaignId: parts[2] ?? null,
      }
    default:
      return { ...plain, kind: 'profile', ...describeProfile(name, data) }
  }
}

type Described = Pick<Happening, 'color' | 'title'> & Partial<Happening>

function describeOrder(
  name: string,
  data: Data,
  order: string,
  currency: string,
): Described {
  const content = 'content' in data ? record(data.content) : data
  const status = text(content.status) ?? 'placed'
  const minor = typeof content.amount === 'number' ? content.amount : null
  const refunded =
    typeof content.refunded_amount === 'number' ? content.refunded_amount : 0
  const amount =
    minor === null
      ? null
      : { minor, refunded, currency: text(content.currency) ?? currency }
  const items = Array.isArray(content.items) ? content.items.map(record) : []
  const detail =
    items
      .map((item) => {
        const what = text(item.name) ?? text(item.sku) ?? 'item'
        return typeof item.quantity === 'number' && item.quantity !== 1
          ? `${item.quantity} × ${what}`
          : what
      })
      .join(', ') || null
  const verb =
    status === 'placed' && name === 'order_updated'
      ? 'changed'
      : status === 'cancelled'
        ? 'canceled'
        : status
  const moved = MOVES[name]?.(order, data)
  if (moved) return { color: 'neutral', title: moved, detail, amount }
  return {
    color: status === 'placed' ? 'good' : status === 'refunded' ? 'bad' : 'warn',
    title: `Order ${order} ${verb}`,
    detail,
    amount,
  }
}

/** Events of an order that changes its customer. */
const MOVES: Record<string, (order: string, data: Data) => string> = {
  order_received: (order, { from }) =>
    `Order ${order} moved here from ${text(from) ?? 'another customer'}`,
  order_moved: (order, { to }) =>
    `Order ${order} moved to ${text(to) ?? 'another customer'}`,
  order_redirected: (order) => `Order ${order} sent again, after it was moved`,
}

function describeActivity(name: string, data: Data): Described {
  const content = 'content' in data ? record(data.content) : data
  const from = name === 'activity_received' ? text(data.from) : null
  const properties = leaves(record(content.properties))
  return {
    color: 'accent',
    title: `${words(text(content.name) ?? 'activity')}${name === 'activity_updated' ? ' (corrected)' : from ? ` (as ${from})` : ''}`,
    detail:
      properties.map(([key, value]) => `${key}: ${String(value)}`).join(', ') || null,
  }
}

function describeMessage(name: string, data: Data): Described {
  switch (name) {
    case 'message_queued':
      return {
        color: 'neutral',
        title: 'Message queued',
        detail: text(data.text) ?? text(data.text_problem),
      }
    case 'message_suppressed':
      return {
        color: 'warn',
        title: `Message suppressed: ${suppressionSummary(suppressionOf(data)).toLowerCase()}`,
        detail: suppressionSentence(suppressionOf(data)),
      }
    case 'message_attempted':
      return {
        color: 'warn',
        title: `Attempt ${String(data.number ?? '')} to send failed`,
        detail: text(data.problem),
      }
    case 'message_sent':
      return { color: 'accent', title: 'Message sent' }
    case 'message_delivered':
      return { color: 'good', title: 'Message delivered' }
    case 'message_failed':
      return explained('Message failed', 'failed', data.reason)
    case 'message_bounced':
      return explained(
        data.bounce === 'hard' ? 'Message bounced for good' : 'Message bounced',
        'bounced',
        data.reason,
      )
    case 'message_unconfirmed':
      return explained('Message unconfirmed', 'unconfirmed')
    case 'message_complained':
      return {
        color: 'bad',
        title: 'Complained about the message',
        detail: joined(COMPLAINT, data.reason),
      }
    case 'message_deferred':
      return { color: 'warn', title: 'Delivery put off', detail: text(data.reason) }
    case 'message_opened':
      return { color: 'neutral', title: 'Message opened' }
    case 'message_clicked':
      return { color: 'neutral', title: 'Link followed', detail: text(data.url) }
    case 'message_receipt_refused':
      return { color: 'warn', title: 'A receipt was refused', detail: text(data.problem) }
    case 'message_rejected':
      return explained('Message rejected by the vendor', 'rejected', data.problem)
    case 'message_undeliverable':
      return explained('Message undeliverable', 'undeliverable', data.problem)
    case 'message_requeued':
      return { color: 'neutral', title: 'Message queued again' }
    default:
      return { color: 'neutral', title: words(name) }
  }
}

/** A step to a status, with what the status means and why the message has it. */
function explained(
  title: string,
  status: keyof typeof MESSAGE_STATUS,
  why?: unknown,
): Described {
  const { color, explanation } = MESSAGE_STATUS[status]
  return { color, title, detail: joined(explanation, why) }
}

function joined(explanation: string, why: unknown): string {
  const reason = text(why)
  return reason ? `${words(reason)}. ${explanation}` : explanation
}

const PROFILE: Record<string, string> = {
  name: 'name',
  email: 'email',
  phone: 'phone',
  city: 'city',
  country: 'country',
  tags: 'tags',
  attributes: 'attributes',
  registered_at: 'registration',
}

function describeProfile(name: string, data: Data): Described {
  const changes = name === 'customer_absorbed' ? record(data.changes) : data
  const fields = { ...record(changes.profile), ...changes, ...data }
  const changed = Object.entries(PROFILE)
    .filter(([field]) => field in fields)
    .map(([, label]) => label)
  if (name === 'customer_registered') {
    return { color: 'good', title: 'Registered', detail: changed.join(', ') || null }
  }
  if (name === 'customer_absorbed') {
    return {
      color: 'neutral',
      title: `Took over the data of ${text(data.from) ?? 'another customer'}`,
      detail: changed.join(', ') || null,
    }
  }
  if (name === 'customer_forwarded') {
    return { color: 'neutral', title: 'Copied to the other customer' }
  }
  if (name === 'customer_merged') {
    return {
      color: 'neutral',
      title: `Merged into ${text(data.into) ?? 'another customer'}`,
    }
  }
  const source = text(record(data.consent).source)
  const told = [...(source ? [`source: ${source}`] : []), ...changed]
  if (data.unsubscribed === true) {
    return { color: 'warn', title: 'Unsubscribed', detail: told.join(', ') || null }
  }
  if (data.unsubscribed === false && changed.length === 0) {
    return {
      color: 'good',
      title: 'Subscribed again',
      detail: source && `source: ${source}`,
    }
  }
  if (name === 'customer_updated') {
    return {
      color: 'neutral',
      title: 'Profile changed',
      detail: changed.join(', ') || null,
    }
  }
  return { color: 'neutral', title: words(name) }
}
