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
  queued: {
    text: 'Queued',
    color: 'neutral',
    explanation: 'It has not been sent yet.',
  },
  sent: {
    text: 'Sent',
    color: 'accent',
    explanation: 'The vendor accepted it, and its receipt has not arrived yet.',
  },
  delivered: {
    text: 'Delivered',
    color: 'good',
    explanation: 'The vendor’s receipt says that it arrived.',
  },
  failed: {
    text: 'Failed',
    color: 'bad',
    explanation: 'The vendor’s receipt says that it could not be delivered.',
  },
  bounced: {
    text: 'Bounced',
    color: 'bad',
    explanation:
      'The recipient’s mail provider returned it, in some cases after it was delivered; it counts as failed.',
  },
  unconfirmed: {
    text: 'Unconfirmed',
    color: 'warn',
    explanation:
      'The vendor accepted it, but sent no receipt in time; it counts as sent, and a late receipt still settles it.',
  },
  rejected: {
    text: 'Rejected',
    color: 'bad',
    explanation:
      'The vendor refuses messages to this address for good; it counts as failed and is not sent again.',
  },
  undeliverable: {
    text: 'Undeliverable',
    color: 'bad',
    explanation:
      'No attempt to hand it to the vendor succeeded; it counts as failed until a retry queues it again.',
  },
  suppressed: {
    text: 'Suppressed',
    color: 'warn',
    explanation: 'It is not sent, for the reason that is given.',
  },
}

/** What a complaint is. It is no status: the message keeps its own. */
export const COMPLAINT =
  'The recipient marked it as unwanted; its status stays, and the address goes on the suppression list.'

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
