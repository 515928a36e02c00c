/** The history of one customer's message, as sentences. */
import { suppressionOf, suppressionSentence, suppressionText, words } from '@/format'
import type { MessageHappened, Recipient } from './types'

export type Tone = 'neutral' | 'good' | 'bad' | 'waiting'

export interface Step {
  position: string
  at: string
  tone: Tone
  title: string
  detail: string | null
  /** Another time that belongs to the step. */
  time: { label: string; at: string } | null
  actor: string
  requestId: string | null
}

/** The text that was sent, as the event that queued the message has it. */
export interface Letter {
  channel: string
  to: string
  text: string | null
  /** Why the text cannot be shown as it was recorded. */
  problem: string | null
}

type Data = Record<string, unknown>

/** Events after which a message is not sent again, unless somebody retries it. */
const FINAL = ['message_rejected', 'message_undeliverable', 'message_suppressed']

export function stepsOf(events: readonly MessageHappened[]): Step[] {
  return events.map((event, index) => {
    const step = described(nameOf(event.type), (event.data ?? {}) as Data)
    const next = events[index + 1]
    // An announced attempt that did not follow only confuses.
    const isLast = next !== undefined && FINAL.includes(nameOf(next.type))
    const isAttempt = nameOf(event.type) === 'message_attempted'
    return {
      position: event.position,
      at: event.recorded_at,
      actor: event.actor,
      requestId: event.request_id ?? null,
      ...step,
      time: isAttempt && isLast ? null : step.time,
    }
  })
}

export function letterOf(events: readonly MessageHappened[]): Letter | null {
  const queued = events.findLast((event) => nameOf(event.type) === 'message_queued')
  if (!queued) return null
  const data = queued.data as Data
  return {
    channel: text(data, 'channel') ?? 'email',
    to: text(data, 'to') ?? '',
    text: text(data, 'text'),
    problem: text(data, 'text_problem'),
  }
}

/** The whole story in short: why the customer got the message, or not. */
export function verdictOf(recipient: Recipient): { tone: Tone; sentence: string } {
  const verdict = outcomeOf(recipient)
  if (!eventOf(recipient, 'message_complained')) return verdict
  return {
    tone: 'bad',
    sentence: `${verdict.sentence} The recipient complained about it.`,
  }
}

function outcomeOf(recipient: Recipient): { tone: Tone; sentence: string } {
  if (recipient.suppression) {
    return { tone: 'bad', sentence: suppressionSentence(recipient.suppression) }
  }
  switch (recipient.message?.status) {
    case 'queued':
      return { tone: 'waiting', sentence: 'The message waits to be sent.' }
    case 'sent':
      return {
        tone: 'neutral',
        sentence: 'The vendor accepted the message. Its receipt has not arrived yet.',
      }
    case 'delivered':
      return { tone: 'good', sentence: 'The message was delivered.' }
    case 'failed':
      return {
        tone: 'bad',
        sentence: `The vendor could not deliver the message${failure(recipient)}.`,
      }
    case 'bounced':
      return { tone: 'bad', sentence: bounceSentence(recipient) }
    case 'unconfirmed':
      return {
        tone: 'neutral',
        sentence: `The vendor accepted the message, but ${noReceipt(recipient)}. It counts as sent; a late receipt still settles it.`,
      }
    case 'rejected':
      return {
        tone: 'bad',
        sentence:
          'The vendor refuses messages to this address for good, so the message is not sent again.',
      }
    case 'undeliverable':
      return {
        tone: 'bad',
        sentence:
          'The vendor accepted none of the attempts. A retry queues the message again.',
      }
    default:
      return withoutMessage(recipient)
  }
}

function withoutMessage(recipient: Recipient): { tone: Tone; sentence: string } {
  if (recipient.undetermined) {
    return {
      tone: 'waiting',
      sentence:
        'One of the customer’s events is in quarantine, so nobody can tell whether the rules match. There is no message until an operator resolves that event.',
    }
  }
  if (!recipient.known) {
    return { tone: 'neutral', sentence: 'The customer did not exist at the launch.' }
  }
  if (!recipient.matched) {
    return {
      tone: 'neutral',
      sentence: 'The customer did not match the rules at the launch.',
    }
  }
  return {
    tone: 'waiting',
    sentence: 'The customer matched the rules. The message has not been queued yet.',
  }
}

function failure(recipient: Recipient, name = 'message_failed'): string {
  const last = eventOf(recipient, name)
  const reason = last && text(last.data as Data, 'reason')
  return reason ? `: ${suppressionText(reason).toLowerCase()}` : ''
}

function bounceSentence(recipient: Recipient): string {
  const last = eventOf(recipient, 'message_bounced')
  const isHard = last && text(last.data as Data, 'bounce') === 'hard'
  const kind = isHard
    ? 'The address does not work: the recipient’s provider returned the message'
    : 'The recipient’s provider returned the message'
  return `${kind}${failure(recipient, 'message_bounced')}.`
}

function noReceipt(recipient: Recipient): string {
  return eventOf(recipient, 'message_receipt_refused')
    ? 'sent no receipt in time that could be read'
    : 'sent no receipt in time'
}

function eventOf(recipient: Recipient, name: string): MessageHappened | undefined {
  return recipient.message?.events.findLast((event) => nameOf(event.type) === name)
}

type Described = Pick<Step, 'tone' | 'title' | 'detail' | 'time'>

function described(name: string, data: Data): Described {
  switch (name) {
    case 'message_queued':
      return step(
        'neutral',
        'Queued',
        `By ${text(data, 'channel') ?? 'message'} to ${text(data, 'to') ?? 'the customer'}`,
      )
    case 'message_suppressed':
      return step('bad', 'Suppressed', suppressionSentence(suppressionOf(data)))
    case 'message_attempted':
      return step(
        'waiting',
        `Attempt ${number(data, 'number') ?? ''} failed`.replace('  ', ' '),
        text(data, 'problem'),
        timeOf('Next attempt not before', data, 'retry_at'),
      )
    case 'message_sent':
      return step(
        'neutral',
        'Accepted by the vendor',
        [vendorId(data), undone(data)].filter(Boolean).join('. ') || null,
        timeOf('Request began', data, 'began_at'),
      )
    case 'message_bounced':
      return step(
        'bad',
        text(data, 'bounce') === 'hard' ? 'Bounced for good' : 'Bounced',
        details(text(data, 'reason'), vendorId(data), undone(data)),
        timeOf('By the vendor’s clock', data, 'occurred_at'),
      )
    case 'message_unconfirmed':
      return step('waiting', 'Unconfirmed', 'No receipt arrived in time')
    case 'message_complained':
      return marked('bad', 'The recipient complained', data)
    case 'message_deferred':
      return marked('waiting', 'The vendor put the delivery off', data)
    case 'message_opened':
      return marked('neutral', 'Opened', data)
    case 'message_clicked':
      return marked('neutral', 'Link followed', data)
    case 'message_receipt_refused':
      return step('waiting', 'A receipt was refused', text(data, 'problem'))
    case 'message_rejected':
      return step('bad', 'Rejected by the vendor', text(data, 'problem'))
    case 'message_undeliverable':
      return step('bad', 'Given up', text(data, 'problem'))
    case 'message_requeued':
      return step('neutral', 'Queued again', 'The attempts start from the beginning')
    case 'message_delivered':
      return step(
        'good',
        'Delivered',
        [vendorId(data), undone(data)].filter(Boolean).join('. ') || null,
        timeOf('By the vendor’s clock', data, 'occurred_at'),
      )
    case 'message_failed': {
      const reason = text(data, 'reason')
      return step(
        'bad',
        'Not delivered',
        [reason && suppressionText(reason), vendorId(data), undone(data)]
          .filter(Boolean)
          .join('. ') || null,
        timeOf('By the vendor’s clock', data, 'occurred_at'),
      )
    }
    default:
      // An event of a newer server: its name says more than nothing.
      return step('neutral', words(name), null)
  }
}

/** A step that a receipt reports beside the status. */
function marked(tone: Tone, title: string, data: Data): Described {
  return step(
    tone,
    title,
    details(text(data, 'url'), text(data, 'reason')),
    timeOf('By the vendor’s clock', data, 'occurred_at'),
  )
}

function details(...parts: (string | null)[]): string | null {
  return parts.filter(Boolean).join('. ') || null
}

function step(
  tone: Tone,
  title: string,
  detail: string | null,
  time: Step['time'] = null,
): Described {
  return { tone, title, detail, time }
}

function vendorId(data: Data): string | null {
  const id = text(data, 'vendor_message_id')
  return id && `Vendor’s id ${id}`
}

function undone(data: Data): string | null {
  const reason = text(data, 'unsuppressed')
  return (
    reason &&
    `It had been suppressed meanwhile (${suppressionText(reason).toLowerCase()}), but the vendor already had it`
  )
}

function timeOf(label: string, data: Data, field: string): Step['time'] {
  const at = text(data, field)
  return at === null ? null : { label, at }
}

/** `message_sent.1` is version 1 of `message_sent`. */
function nameOf(type: string): string {
  return type.replace(/\.\d+$/, '')
}

function text(data: Data, field: string): string | null {
  const value = data[field]
  return typeof value === 'string' ? value : null
}

function number(data: Data, field: string): number | null {
  const value = data[field]
  return typeof value === 'number' ? value : null
}
