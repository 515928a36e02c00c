import { describe, expect, it } from 'vitest'
import { draftOf, draftOfEdit, draftOfText, type RulesDraft, valueOf } from './draft'
import { nodeAt } from './edit'
import type { Path } from './rules'
import {
  addNode,
  changeCondition,
  changeGroup,
  duplicateNode,
  moveNode,
  removeNode,
  type TreeEdit,
} from './tree-edits'
import { withOperator, withValue } from './values'

const shown = draftOf('visits > 1 AND (city = Rome OR tags contains vip)')
const idAt = (path: Path) => nodeAt(shown.tree, path)?.id ?? ''
const [visits, group, city, tags] = [[0], [1], [1, 0], [1, 1]].map(idAt) as [
  string,
  string,
  string,
  string,
]
const value = (next: number) => (tree: Parameters<TreeEdit>[0]) =>
  changeCondition(visits, (now) => withValue(now, next))(tree)
const after = (...edits: TreeEdit[]): RulesDraft => edits.reduce(draftOfEdit, shown)

describe('edits that begin with the same rows on the screen', () => {
  it('are all kept', () => {
    const operator = changeCondition(city, (now) => withOperator(now, '!='))
    const text = 'visits > 3 AND (city != "Rome" OR tags contains "vip")'
    expect(after(value(3), operator).text).toBe(text)
    expect(after(operator, value(3)).text).toBe(text)
  })

  it('find their row in another place', () => {
    expect(after(moveNode(group, 'up'), value(3)).text).toBe(
      '(city = "Rome" OR tags contains "vip") AND visits > 3',
    )
    expect(after(moveNode(city, 'up'), removeNode(tags)).text).toBe(
      'visits > 1 AND city = "Rome" AND ()',
    )
    expect(after(moveNode(city, 'up'), changeGroup(group, { not: true })).text).toBe(
      'visits > 1 AND city = "Rome" AND NOT (tags contains "vip")',
    )
  })

  it('leave a row alone that is gone', () => {
    const rest = after(removeNode(group))
    const late = [moveNode(city, 'down'), duplicateNode(tags), removeNode(tags)]
    for (const edit of [...late, addNode(group, { field: 'visits', operator: '=' })]) {
      expect(draftOfEdit(rest, edit)).toBe(rest)
    }
  })

  it('do not replace a text that cannot be read', () => {
    const typed = draftOfText('visits > ', shown.tree)
    expect(draftOfEdit(typed, value(3))).toBe(typed)
  })

  it('keep the text as it was typed if they change no rules', () => {
    expect(valueOf(after(value(1)))).toBe(valueOf(shown))
  })

  it('move a row past one that is like it', () => {
    const alike = draftOf('visits > 1 AND visits > 1')
    const [first, second] = alike.tree.rules.map((row) => row.id ?? '')
    const moved = draftOfEdit(alike, moveNode(first ?? '', 'down'))
    expect(moved.tree.rules.map((row) => row.id)).toEqual([second, first])
    expect(valueOf(moved)).toBe(valueOf(alike))
  })
})

describe('rows', () => {
  it('keep their ids while the text is typed', () => {
    const typed = draftOfText('visits > 12 AND (city != Oslo OR visits = 1)', shown.tree)
    const ids = [[0], [1], [1, 0], [1, 1]].map((path) => nodeAt(typed.tree, path)?.id)
    expect(ids.slice(0, 3)).toEqual([visits, group, city])
    expect(typed.tree.id).toBe(shown.tree.id)
    expect(ids[3]).toBeTruthy()
    expect(ids[3]).not.toBe(tags)
  })

  it('have an id of their own when they are new', () => {
    const { tree } = after(
      duplicateNode(visits),
      duplicateNode(group),
      addNode(group, { combinator: 'or', rules: [{ field: 'visits', operator: '=' }] }),
    )
    const ids: (string | undefined)[] = []
    JSON.stringify(tree, (key, part: unknown) => {
      if (key === 'id') ids.push(part as string)
      return part
    })
    // The root, two conditions, two groups with two conditions each, and the new group.
    expect(ids).toHaveLength(11)
    expect(new Set(ids).size).toBe(11)
  })
})
