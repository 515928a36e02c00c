import { describe, expect, test } from 'vitest'
import type { Schemas } from '@/api/client'
import {
  accept,
  audienceOf,
  changeOf,
  contentOf,
  type DraftForm,
  faultsOf,
  formOf,
  isSaved,
  NEW_FORM,
  openSteps,
  refusalsOf,
  refuse,
  savedState,
  stepOf,
  tagsOf,
  toSend,
} from './content'

const form: DraftForm = {
  ...NEW_FORM,
  name: 'Spring',
  segmentId: 'seg_1',
  template: 'Hi',
}

const campaign = {
  campaign_id: 'cmp_1',
  name: 'Spring',
  status: 'draft',
  segment_id: null,
  rules: { combinator: 'and', not: false, rules: [] },
  text: 'city = "Rome"',
  message: { template: 'Hi {{ name }}' },
  scheduled_at: '2026-12-01T09:30:00.000Z',
  messages_per_second: 5,
  tags: ['a', 'b'],
} as unknown as Schemas['Campaign']

describe('a form and the draft that it shows', () => {
  test('a draft that was just read has nothing to send', () => {
    const read = formOf(campaign)
    expect(read).toMatchObject({
      audience: 'rules',
      rules: 'city = "Rome"',
      when: 'later',
      pace: 'limited',
      rate: '5',
      tags: 'a, b',
    })
    expect(toSend(read, savedState(read))).toEqual([])
    expect(isSaved(read, savedState(read))).toBe(true)
  })

  test('a new form says what is missing', () => {
    expect(faultsOf(NEW_FORM)).toEqual({
      name: 'Give the campaign a name.',
      audience: 'Choose a segment.',
    })
    expect(audienceOf(NEW_FORM)).toBeNull()
  })

  test('a time that is not one and a rate that is not one are not sent', () => {
    const odd = { ...form, when: 'later', at: '', pace: 'limited', rate: 'fast' } as const
    expect(Object.keys(faultsOf(odd))).toEqual(['scheduled_at', 'messages_per_second'])
    expect(contentOf(odd)).not.toHaveProperty('scheduled_at')
  })

  test('a number that the API may refuse is left to the API', () => {
    const content = contentOf({ ...form, pace: 'limited', rate: '0' })
    expect(content.messages_per_second).toEqual({ messages_per_second: 0 })
  })

  test('labels are trimmed, and each is there once', () => {
    expect(tagsOf(' spring, vip ,, spring')).toEqual(['spring', 'vip'])
  })
})

describe('saving', () => {
  test('only what changed is sent', () => {
    const state = savedState(form)
    const changed = {
      ...form,
      name: 'Summer',
      audience: 'rules',
      rules: 'x = 1',
    } as const
    expect(toSend(changed, state)).toEqual(['name', 'audience'])
    expect(changeOf(changed, ['name', 'audience'])).toEqual({
      name: 'Summer',
      rules: 'x = 1',
    })
    const after = accept(state, changed, ['name', 'audience'])
    expect(isSaved(changed, after)).toBe(true)
  })

  test('time and rate are cleared by null', () => {
    const limited = { ...form, pace: 'limited', rate: '5' } as const
    const state = savedState(limited)
    expect(changeOf(form, toSend(form, state))).toEqual({ messages_per_second: null })
  })

  test('what was refused is not sent again, but everything else is', () => {
    const changed = { ...form, name: 'Summer', template: 'Hi {{ nose }}' }
    const fields = toSend(changed, savedState(form))
    expect(fields).toEqual(['name', 'message'])
    const errors = [{ pointer: '/message/template', detail: 'unknown field "nose"' }]
    const state = refuse(savedState(form), changed, fields, errors)
    if (!state) throw new Error('the refusal is about the message')
    expect(toSend(changed, state)).toEqual(['name'])
    expect(refusalsOf(changed, state)).toEqual(errors)
    expect(openSteps(changed, state)).toEqual(['message'])
    expect(isSaved(changed, accept(state, changed, ['name']))).toBe(false)
  })

  test('a refused text that is changed is sent again, and its error is gone', () => {
    const bad = { ...form, template: '{{' }
    const errors = [{ pointer: '/message/template', detail: 'line 1' }]
    const state = refuse(savedState(form), bad, ['message'], errors)
    if (!state) throw new Error('the refusal is about the message')
    const better = { ...form, template: 'Hi!' }
    expect(refusalsOf(better, state)).toEqual([])
    expect(toSend(better, state)).toEqual(['message'])
    // Back to the text that the server has: nothing to send, and nothing wrong.
    expect(isSaved(form, state)).toBe(true)
  })

  test('faults within rules and tags belong to their field', () => {
    const changed = { ...form, tags: 'a, b', audience: 'rules', rules: 'x' } as const
    const state = refuse(
      savedState(form),
      changed,
      ['audience', 'tags'],
      [
        { pointer: '/rules/rules/0/field', detail: 'unknown field' },
        { pointer: '/tags/1', detail: 'too long' },
      ],
    )
    expect(state && openSteps(changed, state)).toEqual(['audience'])
    expect(state && toSend(changed, state)).toEqual([])
  })

  test('a refusal about something else is not of the fields', () => {
    expect(refuse(savedState(form), form, ['name'], [])).toBeNull()
  })
})

test('an unknown step in the URL is the first one', () => {
  expect(stepOf('review')).toBe('review')
  expect(stepOf('')).toBe('audience')
  expect(stepOf('end')).toBe('audience')
})
