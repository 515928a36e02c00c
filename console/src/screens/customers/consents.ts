/** What a customer's consents say about now. */
import type { Answer } from '@/api/query'

export type Consent = Answer<'/api/customers/{id}/consents'>['items'][number]
export type ConsentState = Consent['state']

export interface CurrentConsent {
  state: ConsentState | 'unknown'
  /** The record that it follows from, if there is one. */
  record: Consent | null
}

/** The state of now, from the customer and the newest of the records. */
export function currentConsent(
  { unsubscribed }: { unsubscribed: boolean },
  newestFirst: readonly Consent[],
): CurrentConsent {
  const state: ConsentState = unsubscribed ? 'unsubscribed' : 'subscribed'
  const record = newestFirst[0]?.state === state ? newestFirst[0] : null
  // Nobody has recorded that such a customer wants messages.
  if (!unsubscribed && !record) return { state: 'unknown', record: null }
  return { state, record }
}

/** Where a consent came from: two sources are names of the API, others are as typed. */
export function sourceText(source: string): string {
  if (source === 'data') return 'Data that was sent'
  return source === 'segment' ? 'Segment' : source
}

export const CONSENT = {
  subscribed: {
    text: 'Subscribed',
    color: 'good',
    explanation: 'The customer agreed to messages.',
  },
  unsubscribed: {
    text: 'Unsubscribed',
    color: 'warn',
    explanation:
      'Campaigns send nothing to this customer, nor to others with the same address.',
  },
  unknown: {
    text: 'No consent recorded',
    color: 'neutral',
    explanation: 'The customer has not opted out.',
  },
} as const
