/** The counts of a campaign's messages, by what the recipients can be filtered by. */
import type { MessageStatus, Statistics } from './types'

/** Number of messages with a status, as the filter of the recipients has it. */
export function countOf(statistics: Statistics, status: MessageStatus): number {
  switch (status) {
    case 'sent':
      // The statistics count delivered messages as sent, too; the filter does not.
      return statistics.awaiting_receipt
    case 'failed':
      return (
        statistics.failed -
        statistics.bounced -
        statistics.rejected -
        statistics.undeliverable
      )
    default:
      return statistics[status]
  }
}

const WITH_PROBLEM = [
  'unconfirmed',
  'failed',
  'bounced',
  'rejected',
  'undeliverable',
] as const

/** Statuses of messages that did not arrive for certain, as far as there are any. */
export function problemStatuses(statistics: Statistics): MessageStatus[] {
  return WITH_PROBLEM.filter((status) => countOf(statistics, status) > 0)
}

/** The reasons of suppressed messages with their number, the most frequent first. */
export function suppressionsOf({ suppressed_for }: Statistics): [string, number][] {
  return Object.entries(suppressed_for)
    .filter(([, messages]) => messages > 0)
    .sort(([, a], [, b]) => b - a)
}
