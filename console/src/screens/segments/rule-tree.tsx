/** Rules in words, as a list of lists, with a note of each node beside it. */
import type { ReactNode } from 'react'
import { describeCondition, describeGroup, type ValueFormats } from './builder/describe'
import {
  isGroup,
  type Path,
  pointerOf,
  type RuleGroup,
  type RuleNode,
} from './builder/rules'

interface RuleTreeProps {
  rules: RuleGroup
  formats: ValueFormats
  /** Stands at the end of a node's line. */
  note?: (pointer: string, node: RuleNode) => ReactNode
}

export function RuleTree(props: RuleTreeProps) {
  return (
    <ul className="flex flex-col gap-1">
      <TreeNode {...props} node={props.rules} path={[]} />
    </ul>
  )
}

function TreeNode(props: RuleTreeProps & { node: RuleNode; path: Path }) {
  const { node, path, formats, note } = props
  const pointer = pointerOf(path)
  // A group of one condition that is not negated reads as that condition.
  const only =
    isGroup(node) && !node.not && node.rules.length === 1 ? node.rules[0] : undefined
  if (only) return <TreeNode {...props} node={only} path={[...path, 0]} />
  return (
    <li>
      <div className="flex items-baseline gap-2 py-0.5">
        <span className={isGroup(node) ? 'font-medium' : 'wrap-anywhere'}>
          {isGroup(node) ? `${describeGroup(node)}:` : describeCondition(node, formats)}
        </span>
        {note && <span className="ml-auto pl-3 text-right">{note(pointer, node)}</span>}
      </div>
      {isGroup(node) && (
        <ul className="ml-1.5 flex flex-col gap-1 border-l-2 border-line pl-3">
          {node.rules.map((child, index) => (
            <TreeNode key={index} {...props} node={child} path={[...path, index]} />
          ))}
        </ul>
      )}
    </li>
  )
}
