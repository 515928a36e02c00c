/** Reasons why a campaign waits, in words. */
import type { WaitingReason } from './types'

export interface WaitingWords {
  title: string
  /** What it means, and what to do. */
  explanation: string
  /** True if the campaign continues without anyone doing something. */
  endsByItself: boolean
}

const WORDS: Record<WaitingReason, WaitingWords> = {
  breaker: {
    title: 'Sending waits for the messaging vendor',
    explanation:
      'The vendor is unavailable, or its URL or credential is wrong. No attempt is lost: Patron probes the vendor and continues by itself once a message is accepted.',
    endsByItself: true,
  },
  memory: {
    title: 'The campaign waits for memory',
    explanation:
      'Redis is short of memory, so messages are neither queued nor sent. What is left is kept for receipts. The campaign continues by itself once an operator has given Redis more memory.',
    endsByItself: true,
  },
  trimmed: {
    title: 'The audience cannot be determined',
    explanation:
      'That needs events that were trimmed from the log. Nothing is sent. Cancel the campaign, unless an operator restores the log.',
    endsByItself: false,
  },
}

export function waitingWords(reason: WaitingReason): WaitingWords {
  return WORDS[reason]
}
