import {
  RuleGroupBodyComponents,
  type RuleGroupProps,
  useRuleGroup,
} from 'react-querybuilder'
import { useBuilder } from './context'
import { Button } from '@/ui/button'
import { Checkbox, Select } from '@/ui/input'
import { FIRST_CONDITION, FIRST_RULES, focusAfterRemoval } from './edit'
import { NodeCount } from './node-count'
import { NodeErrors } from './node-errors'
import { RowActions } from './row-actions'
import { pointerOf, type RuleGroup } from './rules'
import { addNode, changeGroup, duplicateNode, moveNode, removeNode } from './tree-edits'

/** Conditions and groups, of which all or at least one have to match. */
export function GroupBox(props: RuleGroupProps) {
  const group = useRuleGroup(props)
  const { path, ruleGroup } = group
  const { edit } = useBuilder()
  const id = ruleGroup.id ?? ''
  const pointer = pointerOf(path)
  const isRoot = path.length === 0
  const errorsId = `errors-${path.join('-')}`
  const name = isRoot ? 'All rules' : `Group ${path.map((index) => index + 1).join('.')}`
  return (
    <div
      role="group"
      aria-label={name}
      aria-describedby={errorsId}
      data-path={path.join('-')}
      data-id={id}
      className={isRoot ? '' : 'rounded border border-line bg-bg p-2'}
    >
      <div className="flex flex-wrap items-center gap-2">
        <Checkbox
          label="Not"
          checked={Boolean(ruleGroup.not)}
          onChange={(event) =>
            edit(changeGroup(id, { not: event.currentTarget.checked }))
          }
        />
        <Select
          aria-label="Match"
          value={String(group.combinator)}
          onChange={(event) => {
            const combinator = event.currentTarget.value as RuleGroup['combinator']
            edit(changeGroup(id, { combinator }))
          }}
        >
          <option value="and">all of these</option>
          <option value="or">at least one of these</option>
        </Select>
        <div className="ml-auto flex items-center gap-1">
          <NodeCount pointer={pointer} />
          {!isRoot && <GroupActions group={group} />}
        </div>
      </div>
      <NodeErrors id={errorsId} pointer={pointer} />
      <div className="mt-2 flex flex-col gap-2 border-l-2 border-line pl-2 sm:pl-3">
        <RuleGroupBodyComponents {...group} />
        <AddButtons group={group} />
      </div>
    </div>
  )
}

type Group = ReturnType<typeof useRuleGroup>

function AddButtons({ group }: { group: Group }) {
  const { edit, focusNext } = useBuilder()
  const id = group.ruleGroup.id ?? ''
  const next = [...group.path, group.ruleGroup.rules.length]
  return (
    <div className="flex flex-wrap gap-2">
      <Button
        small
        icon="plus"
        data-part="add"
        onClick={() => {
          focusNext({ path: next, part: 'field' })
          edit(addNode(id, FIRST_CONDITION))
        }}
      >
        Add condition
      </Button>
      <Button
        small
        icon="plus"
        onClick={() => {
          focusNext({ path: [...next, 0], part: 'field' })
          edit(addNode(id, FIRST_RULES))
        }}
      >
        Add group
      </Button>
    </div>
  )
}

function GroupActions({ group }: { group: Group }) {
  const { tree, edit, focusNext } = useBuilder()
  const id = group.ruleGroup.id ?? ''
  return (
    <RowActions
      what="group"
      upDisabled={group.shiftUpDisabled ?? false}
      downDisabled={group.shiftDownDisabled ?? false}
      onMove={(direction) => {
        focusNext({ id, part: direction })
        edit(moveNode(id, direction))
      }}
      onDuplicate={() => edit(duplicateNode(id))}
      onRemove={() => {
        focusNext(focusAfterRemoval(tree, group.path))
        edit(removeNode(id))
      }}
    />
  )
}
