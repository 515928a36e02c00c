/**
 * Ids of rows. By its id, a row on the screen stays the same element while the rules
 * around it change, so that it keeps the focus and what is being typed in it.
 */
import { isGroup, type RuleGroup } from './rules'

let made = 0

/** An id that no other row of this page has. */
export function newId(): string {
  made += 1
  return `row-${made}`
}

/**
 * The tree with an id for every node. A node without one gets the id of the node that
 * has its place in `before`, as long as that is a group or a condition on the same field.
 */
export function withIds(tree: RuleGroup, before?: RuleGroup): RuleGroup {
  return {
    ...tree,
    id: tree.id ?? before?.id ?? newId(),
    rules: tree.rules.map((node, index) => {
      const last = before?.rules[index]
      if (isGroup(node)) return withIds(node, last && isGroup(last) ? last : undefined)
      const isSame = last && !isGroup(last) && last.field === node.field
      return { ...node, id: node.id ?? (isSame ? last.id : undefined) ?? newId() }
    }),
  }
}
