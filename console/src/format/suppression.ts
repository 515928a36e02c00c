/** Reasons why a message is not sent, and why an address is suppressed, in words. */
import type { Schemas } from '@/api/client'
import { type StatusColor, words } from './status'

interface ReasonText {
  text: string
  /** One sentence for any customer. */
  explanation: string
}

const SUPPRESSION: Record<string, ReasonText> = {
  unsubscribed: {
    text: 'Unsubscribed',
    explanation: 'The customer opted out, or another customer did with the same address.',
  },
  no_address: {
    text: 'No address',
    explanation: 'The customer has neither an email address nor a phone number.',
  },
  template: {
    text: 'Message cannot be written',
    explanation: 'The text of the message cannot be written for the customer.',
  },
  frequency_cap: {
    text: 'Contacted too often',
    explanation: 'The customer had already received the most messages allowed per week.',
  },
  suppression_list: {
    text: 'Suppression list',
    explanation:
      'The address is on the suppression list, to which no campaign sends, whoever has it.',
  },
  duplicate_address: {
    text: 'Same address',
    explanation:
      'Another customer with the same address gets the message: a campaign sends one to an address.',
  },
  cancelled: {
    text: 'Campaign canceled',
    explanation: 'The campaign was canceled before the message was sent.',
  },
}

/** A reason why a customer gets no message, or a vendor's own reason, in a few words. */
export function suppressionText(reason: string): string {
  return SUPPRESSION[reason]?.text ?? words(reason)
}

/** What a reason means; `null` for one that only a newer server or a vendor knows. */
export function suppressionExplanation(reason: string): string | null {
  return SUPPRESSION[reason]?.explanation ?? null
}

export type ListedFor = Schemas['ListedFor']

interface ListedText extends ReasonText {
  color: StatusColor
}

/** Why an address is on the suppression list. */
export const LISTED_FOR: Record<ListedFor, ListedText> = {
  hard_bounce: {
    text: 'Hard bounce',
    color: 'bad',
    explanation:
      'The recipient’s mail provider returned a message, and will return others.',
  },
  complaint: {
    text: 'Complaint',
    color: 'bad',
    explanation: 'The recipient marked a message as unwanted.',
  },
  soft_bounces: {
    text: 'Soft bounces',
    color: 'warn',
    explanation:
      'Several messages were returned within 30 days, for reasons that may pass.',
  },
  manual: {
    text: 'Added by hand',
    color: 'neutral',
    explanation: 'Somebody put it there, or imported it.',
  },
}

export const LISTED_REASONS = Object.keys(LISTED_FOR) as ListedFor[]

/** A suppression in a few words, with its detail: `Suppression list: hard bounce`. */
export function suppressionSummary({ reason, detail }: Schemas['Suppression']): string {
  const listed = reason === 'suppression_list' ? listedFor(detail) : null
  const text = suppressionText(reason)
  return listed ? `${text}: ${listed.text.toLowerCase()}` : text
}

/** A suppression in sentences: what the reason means, and its detail. */
export function suppressionSentence({ reason, detail }: Schemas['Suppression']): string {
  const sentence =
    suppressionExplanation(reason) ?? `The message was suppressed: ${reason}.`
  if (!detail) return sentence
  const listed = reason === 'suppression_list' ? listedFor(detail) : null
  return `${sentence} ${listed?.explanation ?? ended(capitalized(detail))}`
}

/** The suppression that an event of a message records, with its detail as the API has it. */
export function suppressionOf(data: Record<string, unknown>): Schemas['Suppression'] {
  const { reason, detail, most, customer_id: other } = data
  return {
    reason: typeof reason === 'string' ? reason : 'unknown',
    detail:
      typeof detail === 'string'
        ? detail
        : typeof most === 'number'
          ? `at most ${most} within a week`
          : typeof other === 'string'
            ? `customer ${other} has the same address`
            : null,
  }
}

function listedFor(detail: string | null | undefined): ListedText | undefined {
  return detail && Object.hasOwn(LISTED_FOR, detail)
    ? LISTED_FOR[detail as ListedFor]
    : undefined
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function ended(text: string): string {
  return text.endsWith('.') ? text : `${text}.`
}
