/** Reasons why a message was not sent or not delivered, in words. */
import { suppressionText } from '@/format'
import type { Message, MessageStatus, Suppression } from './types'

const SENTENCES: Record<string, string> = {
  unsubscribed: 'The customer had opted out of messages.',
  no_address: 'The customer has neither an email address nor a phone number.',
  template: 'The message cannot be written for this customer.',
  frequency_cap: 'The customer had already received the most messages allowed per week.',
  suppression_list: 'The address is on the suppression list.',
  duplicate_address: 'Another customer with the same address gets the message.',
  cancelled: 'The campaign was canceled before the message was sent.',
}

/** One sentence that says why a suppressed customer gets no message. */
export function suppressionSentence(suppression: Suppression): string {
  const sentence =
    SENTENCES[suppression.reason] ?? `The message was suppressed: ${suppression.reason}.`
  return suppression.detail ? `${sentence} ${capitalized(suppression.detail)}.` : sentence
}

function capitalized(text: string): string {
  const trimmed = text.endsWith('.') ? text.slice(0, -1) : text
  return trimmed.charAt(0).toUpperCase() + trimmed.slice(1)
}

/**
 * The reason by which a message can be filtered: of its suppression, the
 * vendor's reason of a failure, or the problem of the last attempt.
 */
export function reasonOf(
  message: Pick<Message, 'status' | 'suppression' | 'reason' | 'problem'>,
): string | null {
  switch (message.status) {
    case 'suppressed':
      return message.suppression?.reason ?? null
    case 'failed':
    case 'bounced':
      return message.reason ?? null
    case 'rejected':
    case 'undeliverable':
    case 'queued':
      return message.problem ?? null
    default:
      return null
  }
}

/** Returns whether messages with this status have a reason. */
export function hasReasons(status: MessageStatus | null): boolean {
  return status === null || !['sent', 'delivered', 'unconfirmed'].includes(status)
}

/**
 * The reasons to offer as a filter: those that the statistics count, those of
 * the rows seen so far, and the one that is chosen, in that order.
 */
export function reasonChoices(
  status: MessageStatus | null,
  suppressedFor: Record<string, number>,
  seen: Iterable<string>,
  chosen: string | null,
): string[] {
  const counted =
    status === null || status === 'suppressed'
      ? Object.keys(suppressedFor).filter((reason) => (suppressedFor[reason] ?? 0) > 0)
      : []
  const all = new Set([...counted, ...seen])
  if (chosen) all.add(chosen)
  return [...all].sort((a, b) => suppressionText(a).localeCompare(suppressionText(b)))
}
