/** One value that a rule compares with, as the API takes it. */
export type Scalar = string | number | boolean

/** A condition on one field. `value` is absent where the operator takes none. */
export interface RuleCondition {
  id?: string
  field: string
  operator: string
  value?: Scalar | Scalar[]
}

/** Conditions and groups with a combinator between them. */
export interface RuleGroup {
  id?: string
  combinator: 'and' | 'or'
  not?: boolean
  rules: RuleNode[]
}

export type RuleNode = RuleGroup | RuleCondition

/** Rules as the API accepts them: a text for people, or a tree for editors. */
export type Rules = string | RuleGroup

export function isGroup(node: RuleNode): node is RuleGroup {
  return 'rules' in node
}

/** Position of a node: the index at each level, from the outermost group. */
export type Path = readonly number[]

/** The JSON pointer of a node in a request whose rules are at `/rules`. */
export function pointerOf(path: Path): string {
  return '/rules' + path.map((index) => `/rules/${index}`).join('')
}

export interface PlacedNode {
  pointer: string
  path: Path
  node: RuleNode
}

/** All nodes with their pointers, each group before its members. */
export function placedNodes(root: RuleGroup): PlacedNode[] {
  const placed: PlacedNode[] = []
  const visit = (node: RuleNode, path: Path) => {
    placed.push({ pointer: pointerOf(path), path, node })
    if (isGroup(node))
      node.rules.forEach((child, index) => visit(child, [...path, index]))
  }
  visit(root, [])
  return placed
}

/**
 * The tree with nothing but what the API reads: no ids of the editor, and
 * `not` always present.
 */
export function plainTree(group: RuleGroup): RuleGroup {
  return {
    combinator: group.combinator,
    not: group.not ?? false,
    rules: group.rules.map((node) =>
      isGroup(node) ? plainTree(node) : plainCondition(node),
    ),
  }
}

function plainCondition({ field, operator, value }: RuleCondition): RuleCondition {
  return value === undefined ? { field, operator } : { field, operator, value }
}
