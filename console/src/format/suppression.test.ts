import { describe, expect, it } from 'vitest'
import { MESSAGE_STATUS } from './status'
import {
  LISTED_FOR,
  suppressionExplanation,
  suppressionOf,
  suppressionSentence,
  suppressionSummary,
  suppressionText,
} from './suppression'

const REASONS = [
  'unsubscribed',
  'no_address',
  'suppression_list',
  'template',
  'frequency_cap',
  'duplicate_address',
  'cancelled',
]

it('explains every status and every reason in one sentence', () => {
  const explanations = [
    ...Object.values(MESSAGE_STATUS).map((status) => status.explanation),
    ...Object.values(LISTED_FOR).map((listed) => listed.explanation),
    ...REASONS.map((reason) => suppressionExplanation(reason)),
  ]
  for (const explanation of explanations) {
    expect(explanation).toMatch(/^[A-Z][^.]+\.$/)
  }
})

describe('a reason that the console does not know', () => {
  it('is shown in words, without an explanation', () => {
    expect(suppressionText('quiet_hours')).toBe('Quiet hours')
    expect(suppressionExplanation('quiet_hours')).toBeNull()
    expect(suppressionSentence({ reason: 'quiet_hours' })).toBe(
      'The message was suppressed: quiet_hours.',
    )
  })

  it('is no property that every object has', () => {
    const listed = { reason: 'suppression_list', detail: 'constructor' }
    expect(suppressionSummary(listed)).toBe('Suppression list')
  })
})

describe('a suppression', () => {
  it('has its detail as a sentence of its own', () => {
    expect(suppressionSentence({ reason: 'template', detail: 'name has no value' })).toBe(
      'The text of the message cannot be written for the customer. Name has no value.',
    )
  })

  it('by the list says why the address is on it', () => {
    const listed = { reason: 'suppression_list', detail: 'complaint' }
    expect(suppressionSummary(listed)).toBe('Suppression list: complaint')
    expect(suppressionSentence(listed)).toMatch(/The recipient marked .* as unwanted\.$/)
  })
})

describe('the suppression of an event', () => {
  it('has the detail that the API shows', () => {
    expect(
      suppressionOf({ reason: 'suppression_list', detail: 'hard_bounce' }).detail,
    ).toBe('hard_bounce')
    expect(suppressionOf({ reason: 'frequency_cap', most: 3 }).detail).toBe(
      'at most 3 within a week',
    )
    expect(
      suppressionOf({ reason: 'duplicate_address', customer_id: 'c-1' }).detail,
    ).toBe('customer c-1 has the same address')
    expect(suppressionOf({ reason: 'unsubscribed' }).detail).toBeNull()
  })
})
