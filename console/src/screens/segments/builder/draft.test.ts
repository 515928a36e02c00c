import { describe, expect, it } from 'vitest'
import {
  draftOf,
  draftOfText,
  draftOfTree,
  isUnfinished,
  rulesForRequest,
  sameRules,
  valueOf,
} from './draft'
import type { RuleGroup } from './rules'

const tree: RuleGroup = {
  combinator: 'and',
  not: false,
  rules: [{ field: 'visits', operator: '>', value: 3 }],
}

describe('a draft of rules', () => {
  it('follows the text', () => {
    const draft = draftOfText('visits > 3', { ...tree, rules: [] })
    expect(draft).toMatchObject({ inStep: true, tree })
  })

  it('keeps the last tree while the text cannot be read', () => {
    const draft = draftOfText('visits > ', tree)
    expect(draft).toMatchObject({ inStep: false, tree })
    expect(valueOf(draft)).toBe('visits > ')
  })

  it('follows the tree', () => {
    const draft = draftOfTree({ ...tree, id: 'editor' })
    expect(draft.text).toBe('visits > 3')
    expect(valueOf(draft)).toEqual(tree)
  })

  it('keeps a text as it was typed', () => {
    expect(valueOf(draftOf('visits>3 and city=Rome'))).toBe('visits>3 and city=Rome')
  })
})

describe('rows without a value', () => {
  const withValue = (value: '' | string[] | number): RuleGroup => ({
    ...tree,
    rules: [{ combinator: 'or', rules: [{ field: 'visits', operator: 'in', value }] }],
  })

  it('are unfinished in the builder, and typed in a text', () => {
    expect(isUnfinished(withValue(''))).toBe(true)
    expect(isUnfinished(withValue([]))).toBe(true)
    expect(isUnfinished(withValue(['a', '']))).toBe(true)
    expect(isUnfinished(withValue(3))).toBe(false)
    expect(isUnfinished({ ...tree, rules: [{ field: 'city', operator: 'null' }] })).toBe(
      false,
    )
    expect(isUnfinished('city = ""')).toBe(false)
  })
})

describe('a request', () => {
  it('has a tree if the text can be read, and the text if not', () => {
    expect(rulesForRequest('visits > 3')).toEqual(tree)
    expect(rulesForRequest('visits >')).toBe('visits >')
    const long = 'attributes.number = 9007199254740993'
    expect(rulesForRequest(long)).toBe(long)
  })

  it('is the same for both forms of the same rules', () => {
    expect(sameRules('visits>3', tree)).toBe(true)
    expect(sameRules('visits>4', tree)).toBe(false)
  })
})
