/** Reasons by which the messages of a campaign are filtered. */
import { suppressionText } from '@/format'
import type { Message, MessageStatus } from './types'

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
