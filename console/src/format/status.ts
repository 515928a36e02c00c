import type { Schemas } from '@/api/client'

export type StatusColor = 'neutral' | 'accent' | 'good' | 'warn' | 'bad'

export interface StatusText {
  text: string
  color: StatusColor
  explanation: string
}

export const CAMPAIGN_STATUS: Record<Schemas['CampaignStatus'], StatusText> = {
  draft: { text: 'Draft', color: 'neutral', explanation: 'Not launched yet.' },
  scheduled: {
    text: 'Scheduled',
    color: 'accent',
    explanation: 'Starts by itself at its time.',
  },
  launching: {
    text: 'Launching',
    color: 'accent',
    explanation: 'Its recipients are being fixed.',
  },
  sending: {
    text: 'Sending',
    color: 'accent',
    explanation: 'Messages are on their way.',
  },
  paused: {
    text: 'Paused',
    color: 'warn',
    explanation: 'Nothing is sent until it is resumed.',
  },
  completed: {
    text: 'Completed',
    color: 'good',
    explanation: 'Every message has its result.',
  },
  cancelled: {
    text: 'Canceled',
    color: 'neutral',
    explanation: 'What was not sent stays unsent.',
  },
  missed: {
    text: 'Missed',
    color: 'bad',
    explanation: 'Its time passed before it could start.',
  },
}

export const MESSAGE_STATUS: Record<Schemas['MessageStatus'], StatusText> = {
  queued: { text: 'Queued', color: 'neutral', explanation: 'Waits to be sent.' },
  sent: {
    text: 'Sent',
    color: 'accent',
    explanation: 'The vendor took it; no receipt yet.',
  },
  delivered: {
    text: 'Delivered',
    color: 'good',
    explanation: 'The vendor delivered it.',
  },
  failed: {
    text: 'Failed',
    color: 'bad',
    explanation: 'The vendor could not deliver it.',
  },
  bounced: {
    text: 'Bounced',
    color: 'bad',
    explanation: 'The recipient’s provider returned it.',
  },
  unconfirmed: {
    text: 'Unconfirmed',
    color: 'warn',
    explanation: 'The vendor took it, but sent no receipt in time. It counts as sent.',
  },
  rejected: {
    text: 'Rejected',
    color: 'bad',
    explanation: 'The vendor refuses this address for good. It is not retried.',
  },
  undeliverable: {
    text: 'Undeliverable',
    color: 'bad',
    explanation: 'The vendor did not take it. It can be retried.',
  },
  suppressed: {
    text: 'Suppressed',
    color: 'warn',
    explanation: 'It is not sent on purpose.',
  },
}

const SUPPRESSION: Record<string, string> = {
  unsubscribed: 'Unsubscribed',
  no_address: 'No address',
  template: 'Message cannot be written',
  frequency_cap: 'Contacted too often',
  suppression_list: 'Suppression list',
  duplicate_address: 'Same address',
  cancelled: 'Campaign canceled',
}

/** The reason why a customer gets no message. */
export function suppressionText(reason: string): string {
  return SUPPRESSION[reason] ?? words(reason)
}

/** `order_placed` as `Order placed`. */
export function words(name: string): string {
  const text = name.replaceAll(/[_-]+/g, ' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** `key:bootstrap` as `bootstrap key`; other actors without their prefix. */
export function actorText(actor: string): string {
  if (actor === 'key:bootstrap') return 'bootstrap key'
  return actor.replace(/^(user|key):/, '')
}
