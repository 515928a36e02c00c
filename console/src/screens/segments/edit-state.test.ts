import { describe, expect, it } from 'vitest'
import { bodyOf, isChanged, newSegment } from './edit-state'

describe('a segment while it is edited', () => {
  const base = { ...newSegment('visits > 3'), name: 'Regulars' }

  it('is changed by its content, not by how the rules are written', () => {
    expect(isChanged({ ...base, rules: 'visits>3' }, base)).toBe(false)
    expect(isChanged({ ...base, prompt: 'regulars' }, base)).toBe(false)
    expect(isChanged({ ...base, rules: 'visits > 4' }, base)).toBe(true)
    expect(isChanged({ ...base, name: 'Others' }, base)).toBe(true)
  })

  it('is sent with a tree, and without a blank description', () => {
    expect(bodyOf({ ...base, description: '  ' })).toEqual({
      name: 'Regulars',
      description: null,
      rules: {
        combinator: 'and',
        not: false,
        rules: [{ field: 'visits', operator: '>', value: 3 }],
      },
    })
  })

  it('begins with the rules of a link', () => {
    expect(newSegment('visits > 3').rules).toBe('visits > 3')
    expect(newSegment('').rules).toMatchObject({ rules: [{ field: 'order_count' }] })
  })
})
