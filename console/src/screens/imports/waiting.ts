/** Reasons why a run waits, in words. */
import type { Schemas } from '@/api/client'

export interface WaitingWords {
  title: string
  /** What it means, and what to do. */
  explanation: string
}

const WORDS: Record<Schemas['ImportWaitReason'], WaitingWords> = {
  memory: {
    title: 'The import waits for memory',
    explanation:
      'Redis is short of memory, so nothing new is recorded. The import continues by itself once an operator has given Redis more memory.',
  },
  unavailable: {
    title: 'The import waits for Redis or MongoDB',
    explanation: 'One of them does not respond. The import continues by itself.',
  },
  busy: {
    title: 'The import waits for its turn',
    explanation:
      'The server has much to do at the moment. The import continues by itself.',
  },
  other_import: {
    title: 'The import waits for another one',
    explanation: 'One import runs at a time. This one continues after the other.',
  },
}

export function waitingWords(reason: Schemas['ImportWaitReason']): WaitingWords {
  return WORDS[reason]
}
