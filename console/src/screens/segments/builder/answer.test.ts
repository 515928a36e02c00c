import { describe, expect, it } from 'vitest'
import { ruleErrors, textErrors } from './answer'

describe('errors of rules', () => {
  it('belong to the node that they name', () => {
    const text = 'visits > x AND city = Rome'
    const detail = 'the value of visits must be a whole number, not "x"'
    const errors = ruleErrors(
      [
        { pointer: '/rules/rules/0', detail },
        { pointer: '/name', detail: 'must not be empty' },
      ],
      text,
    )
    expect(errors.byPointer.get('/rules/rules/0')).toEqual([detail])
    const [marked] = textErrors(errors, text)
    expect(text.slice(marked?.span.from, marked?.span.to)).toBe('visits > x')
  })

  it('of a text that cannot be read have a place in it', () => {
    const text = 'city = 😀 rome'
    const detail = 'column 10: expected AND, OR or the end, found "rome"'
    const errors = ruleErrors([{ pointer: '/rules', detail }], text)
    expect(errors.byPointer.size).toBe(0)
    const [marked] = textErrors(errors, text)
    expect(marked?.message).toBe('expected AND, OR or the end, found "rome"')
    expect(text.slice(marked?.span.from, marked?.span.to)).toBe('rome')
  })

  it('at the end of a text mark nothing', () => {
    const errors = ruleErrors(
      [{ pointer: '/rules', detail: 'column 9: expected a value' }],
      'visits >',
    )
    expect(textErrors(errors, 'visits >')[0]?.span).toEqual({ from: 8, to: 8 })
  })
})
