import { describe, expect, it } from 'vitest'

import { letterOf, stepsOf, verdictOf } from './story'
import type { MessageHappened, Recipient } from './types'

function happened(type: string, data: Record<string, unknown>): MessageHappened {
  return {
    position: '3:17',
    type,
    recorded_at: '2026-11-29T10:00:00.000Z',
    actor: 'worker:delivery',
    request_id: null,
    // The document describes the data of an event as an object without known fields.
    data: data as MessageHappened['data'],
  }
}

function recipient(over: Partial<Recipient> = {}): Recipient {
  return {
    campaign_id: 'cmp_1',
    customer_id: 'c-1',
    known: true,
    matched: true,
    undetermined: false,
    as_of: '2026-11-29T10:00:00.000Z',
    rules: [],
    suppression: null,
    message: null,
    ...over,
  }
}

describe('stepsOf', () => {
  it('tells a message from the queue to the receipt', () => {
    const steps = stepsOf([
      happened('message_queued.1', {
        channel: 'email',
        to: 'ada@example.com',
        text: 'Hi Ada',
      }),
      happened('message_attempted.1', {
        number: 2,
        problem: 'the vendor answered 503',
        retry_at: '2026-11-29T10:00:04.000Z',
      }),
      happened('message_sent.1', { vendor_message_id: 'vm_1', from: 'queued' }),
      happened('message_failed.1', {
        vendor_message_id: 'vm_1',
        reason: 'mailbox_full',
        occurred_at: '2026-11-29T10:00:05.000Z',
      }),
    ])
    expect(steps.map((step) => step.title)).toEqual([
      'Queued',
      'Attempt 2 failed',
      'Accepted by the vendor',
      'Not delivered',
    ])
    expect(steps[0]?.detail).toBe('By email to ada@example.com')
    expect(steps[1]?.time).toEqual({
      label: 'Next attempt not before',
      at: '2026-11-29T10:00:04.000Z',
    })
    expect(steps[3]?.detail).toBe('Mailbox full. Vendor’s id vm_1')
  })

  it('says that a message went out although it had been suppressed', () => {
    const [sent] = stepsOf([
      happened('message_sent.1', { vendor_message_id: 'v', unsuppressed: 'cancelled' }),
    ])
    expect(sent?.detail).toContain('suppressed meanwhile (campaign canceled)')
  })

  it('names the limit of a frequency cap', () => {
    const [suppressed] = stepsOf([
      happened('message_suppressed.1', { reason: 'frequency_cap', most: 3 }),
    ])
    expect(suppressed?.detail).toContain('At most 3 within a week.')
  })

  it('shows an event that it does not know by its name', () => {
    expect(stepsOf([happened('message_forwarded.1', {})])[0]?.title).toBe(
      'Message forwarded',
    )
  })

  it('says what receipts report beside the status', () => {
    const steps = stepsOf([
      happened('message_clicked.1', { url: 'https://shop.example/sale' }),
      happened('message_complained.1', { reason: 'abuse' }),
      happened('message_receipt_refused.1', { problem: '/occurred_at: is not a time' }),
    ])
    expect(steps.map((one) => [one.title, one.detail])).toEqual([
      ['Link followed', 'https://shop.example/sale'],
      ['The recipient complained', 'abuse'],
      ['A receipt was refused', '/occurred_at: is not a time'],
    ])
  })
})

describe('letterOf', () => {
  it('is the text of the queued message', () => {
    const events = [
      happened('message_queued.1', { channel: 'email', to: 'a@b.example', text: 'Hi' }),
    ]
    expect(letterOf(events)).toEqual({
      channel: 'email',
      to: 'a@b.example',
      text: 'Hi',
      problem: null,
    })
    expect(
      letterOf([happened('message_suppressed.1', { reason: 'no_address' })]),
    ).toBeNull()
  })
})

describe('verdictOf', () => {
  it('says why there is no message', () => {
    expect(verdictOf(recipient({ known: false, matched: false })).sentence).toBe(
      'The customer did not exist at the launch.',
    )
    expect(verdictOf(recipient({ matched: false })).sentence).toBe(
      'The customer did not match the rules at the launch.',
    )
    expect(verdictOf(recipient({ undetermined: true, matched: false })).tone).toBe(
      'waiting',
    )
    expect(
      verdictOf(recipient({ suppression: { reason: 'unsubscribed' } })).sentence,
    ).toBe('The customer opted out, or another customer did with the same address.')
  })

  it('explains bounces, missing receipts and refusals', () => {
    const sentence = (
      status: 'bounced' | 'unconfirmed' | 'rejected' | 'delivered',
      ...events: ReturnType<typeof happened>[]
    ) => {
      const message = { message_id: 'msg_1', status, events }
      return verdictOf(recipient({ message })).sentence
    }
    const hard = { bounce: 'hard', reason: 'user_unknown' }
    expect(sentence('bounced', happened('message_bounced.1', hard))).toBe(
      'The address does not work: the recipient’s provider returned the message: user unknown.',
    )
    expect(sentence('bounced', happened('message_bounced.1', { bounce: 'soft' }))).toBe(
      'The recipient’s provider returned the message.',
    )
    expect(sentence('unconfirmed')).toContain(
      'sent no receipt in time. It counts as sent',
    )
    expect(
      sentence('unconfirmed', happened('message_receipt_refused.1', { problem: 'x' })),
    ).toContain('sent no receipt in time that could be read')
    expect(sentence('rejected')).toContain('refuses messages to this address for good')
    expect(sentence('delivered', happened('message_complained.1', {}))).toBe(
      'The message was delivered. The recipient complained about it.',
    )
  })

  it('names the vendor’s reason of a failure', () => {
    const message = {
      message_id: 'msg_1',
      status: 'failed' as const,
      events: [happened('message_failed.1', { reason: 'mailbox_full' })],
    }
    expect(verdictOf(recipient({ message })).sentence).toBe(
      'The vendor could not deliver the message: mailbox full.',
    )
  })
})
