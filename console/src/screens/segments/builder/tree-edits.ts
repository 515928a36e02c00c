/**
 * Edits of the rows. Each names its row by id: by the time it is made, the row may be in
 * another place. A row that is gone is left alone.
 */
import { add, getPathOfID, move, remove, type RuleGroupType } from 'react-querybuilder'
import { newId } from './ids'
import { isGroup, type RuleCondition, type RuleGroup, type RuleNode } from './rules'

/** Makes an edit of the rules as they are now. */
export type TreeEdit = (tree: RuleGroup) => RuleGroup

export function changeCondition(
  id: string,
  change: (condition: RuleCondition) => RuleCondition,
): TreeEdit {
  return (tree) =>
    changeNode(tree, id, (node) => (isGroup(node) ? node : change(node))) as RuleGroup
}

export function changeGroup(
  id: string,
  part: Partial<Pick<RuleGroup, 'combinator' | 'not'>>,
): TreeEdit {
  return (tree) =>
    changeNode(tree, id, (node) =>
      isGroup(node) ? { ...node, ...part } : node,
    ) as RuleGroup
}

/** Adds a condition or a group at the end of a group. */
export function addNode(groupId: string, node: RuleNode): TreeEdit {
  return (tree) =>
    add(tree as RuleGroupType, node as RuleGroupType, groupId, OPTIONS) as RuleGroup
}

export function removeNode(id: string): TreeEdit {
  return (tree) => remove(tree as RuleGroupType, id) as RuleGroup
}

/** Moves a row by one place, also into and out of groups. */
export function moveNode(id: string, direction: 'up' | 'down'): TreeEdit {
  return (tree) => move(tree as RuleGroupType, id, direction, OPTIONS) as RuleGroup
}

/** Puts a copy of a row behind it. */
export function duplicateNode(id: string): TreeEdit {
  return (tree) => {
    const path = getPathOfID(id, tree as RuleGroupType)
    const index = path?.at(-1)
    if (!path || index === undefined) return tree
    const next = [...path.slice(0, -1), index + 1]
    const options = { ...OPTIONS, clone: true }
    return move(tree as RuleGroupType, path, next, options) as RuleGroup
  }
}

const OPTIONS = { idGenerator: newId }

function changeNode(
  node: RuleNode,
  id: string,
  change: (node: RuleNode) => RuleNode,
): RuleNode {
  if (node.id === id) return change(node)
  if (!isGroup(node)) return node
  return { ...node, rules: node.rules.map((child) => changeNode(child, id, change)) }
}
