import { describe, expect, it } from 'vitest'
import { focusAfterRemoval, nodeAt } from './edit'
import type { RuleGroup } from './rules'

const condition = (value: number) => ({ field: 'visits', operator: '=', value })
const tree: RuleGroup = {
  combinator: 'and',
  rules: [condition(1), { combinator: 'or', rules: [condition(2), condition(3)] }],
}

describe('a tree of rules', () => {
  it('finds nodes by their path', () => {
    expect(nodeAt(tree, [])).toBe(tree)
    expect(nodeAt(tree, [1, 1])).toEqual(condition(3))
    expect(nodeAt(tree, [0, 0])).toBeNull()
    expect(nodeAt(tree, [2])).toBeNull()
  })

  it('moves the focus to the row that takes the place of a removed one', () => {
    expect(focusAfterRemoval(tree, [1, 0])).toEqual({ path: [1, 0], part: 'field' })
    expect(focusAfterRemoval(tree, [1, 1])).toEqual({ path: [1, 0], part: 'field' })
    const single: RuleGroup = { combinator: 'and', rules: [condition(1)] }
    expect(focusAfterRemoval(single, [0])).toEqual({ path: [], part: 'add' })
  })
})
