/** Builders for tests of this screen. */
import type { Campaign, Message, Statistics } from './types'

export function statistics(over: Partial<Statistics> = {}): Statistics {
  return {
    audience: 0,
    queued: 0,
    sent: 0,
    delivered: 0,
    unconfirmed: 0,
    failed: 0,
    bounced: 0,
    rejected: 0,
    undeliverable: 0,
    suppressed: 0,
    pending: 0,
    awaiting_receipt: 0,
    complained: 0,
    opened: 0,
    clicked: 0,
    refused_receipts: 0,
    suppressed_for: {},
    incomplete: false,
    ...over,
  }
}

export function campaign(over: Partial<Campaign> = {}): Campaign {
  return {
    campaign_id: 'cmp_1',
    name: 'Come back',
    status: 'draft',
    message: { template: 'Hi {{ name }}!' },
    tags: [],
    statistics: statistics(),
    size: { planned: 0, queued: 0, suppressed: 0, undetermined: 0 },
    created_at: '2026-11-29T10:00:00.000Z',
    created_by: 'key:bootstrap',
    updated_at: '2026-11-29T10:00:00.000Z',
    version: 1,
    ...over,
  }
}

export function message(over: Partial<Message> = {}): Message {
  return {
    customer_id: 'c-1',
    message_id: 'msg_1',
    status: 'queued',
    attempts: 0,
    refused_receipts: 0,
    queued_at: '2026-11-29T10:00:00.000Z',
    updated_at: '2026-11-29T10:00:00.000Z',
    ...over,
  }
}
