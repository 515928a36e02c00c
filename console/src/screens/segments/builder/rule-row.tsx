import { type RuleProps } from 'react-querybuilder'
import { NodeCount } from './node-count'
import { NodeErrors } from './node-errors'
import { arityOf, fieldLabel, kindOf, operatorLabel, operatorsOf } from './catalog'
import { useBuilder } from './context'
import { focusAfterRemoval } from './edit'
import { FieldPicker } from './field-picker'
import { RowActions } from './row-actions'
import { pointerOf, type RuleCondition } from './rules'
import { Select } from '@/ui/input'
import { changeCondition, duplicateNode, moveNode, removeNode } from './tree-edits'
import { ValueEditor } from './value-editor'
import { valuesOf, withField, withOperator, withValue } from './values'

/** A condition: field, operator, value, its own count, and what is wrong with it. */
export function RuleRow({ rule, path, ...props }: RuleProps) {
  const { tree, edit, focusNext } = useBuilder()
  const id = rule.id ?? ''
  const condition: RuleCondition = {
    id,
    field: rule.field,
    operator: rule.operator,
    value: rule.value as RuleCondition['value'],
  }
  const pointer = pointerOf(path)
  const errorsId = `errors-${path.join('-')}`
  const change = (next: (condition: RuleCondition) => RuleCondition) =>
    edit(changeCondition(id, next))
  return (
    <div
      role="group"
      aria-label={`Condition ${path.map((index) => index + 1).join('.')}: ${fieldLabel(rule.field)}`}
      aria-describedby={errorsId}
      data-path={path.join('-')}
      data-id={id}
      className="rounded border border-line bg-surface p-2"
    >
      <div className="flex flex-wrap items-start justify-end gap-2 sm:flex-nowrap">
        <div className="flex min-w-0 grow flex-wrap items-start gap-2">
          <FieldPicker
            field={condition.field}
            onChange={(field) => change((now) => withField(now, field))}
          />
          <OperatorPicker
            condition={condition}
            onChange={(operator) => change((now) => withOperator(now, operator))}
          />
          {arityOf(condition.operator) !== 'none' && (
            <ValueEditor
              condition={condition}
              onChange={(value) => change((now) => withValue(now, value(valuesOf(now))))}
            />
          )}
        </div>
        <div className="flex shrink-0 items-center gap-1">
          <NodeCount pointer={pointer} />
          <RowActions
            what="condition"
            upDisabled={props.shiftUpDisabled ?? false}
            downDisabled={props.shiftDownDisabled ?? false}
            onMove={(direction) => {
              focusNext({ id, part: direction })
              edit(moveNode(id, direction))
            }}
            onDuplicate={() => edit(duplicateNode(id))}
            onRemove={() => {
              focusNext(focusAfterRemoval(tree, path))
              edit(removeNode(id))
            }}
          />
        </div>
      </div>
      <NodeErrors id={errorsId} pointer={pointer} />
    </div>
  )
}

function OperatorPicker({
  condition,
  onChange,
}: {
  condition: RuleCondition
  onChange: (operator: string) => void
}) {
  const kind = kindOf(condition.field)
  const fitting = operatorsOf(kind)
  // An operator that does not fit stays visible beside the API's error about it.
  const offered = fitting.includes(condition.operator)
    ? fitting
    : [condition.operator, ...fitting]
  return (
    <Select
      aria-label="Operator"
      className="w-40"
      value={condition.operator}
      onChange={(event) => onChange(event.currentTarget.value)}
    >
      {offered.map((operator) => (
        <option key={operator} value={operator}>
          {operatorLabel(operator, kind)}
        </option>
      ))}
    </Select>
  )
}
