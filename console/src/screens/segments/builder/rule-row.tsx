import { type RuleProps } from 'react-querybuilder'
import { NodeCount } from './node-count'
import { NodeErrors } from './node-errors'
import { arityOf, fieldLabel, kindOf, operatorLabel, operatorsOf } from './catalog'
import { useBuilder } from './context'
import { focusAfterRemoval, replaceAt } from './edit'
import { FieldPicker } from './field-picker'
import { RowActions } from './row-actions'
import { pointerOf, type RuleCondition, type RuleGroup } from './rules'
import { Select } from '@/ui/input'
import { ValueEditor } from './value-editor'
import { withField, withOperator, withValue } from './values'

/** A condition: field, operator, value, its own count, and what is wrong with it. */
export function RuleRow({ rule, path, schema, actions, ...props }: RuleProps) {
  const { focusNext } = useBuilder()
  const condition: RuleCondition = {
    id: rule.id,
    field: rule.field,
    operator: rule.operator,
    value: rule.value as RuleCondition['value'],
  }
  const pointer = pointerOf(path)
  const errorsId = `errors-${path.join('-')}`
  const tree = () => schema.getQuery() as RuleGroup
  const change = (next: RuleCondition) => {
    schema.dispatchQuery(
      replaceAt(tree(), path, next) as ReturnType<typeof schema.getQuery>,
    )
  }
  return (
    <div
      role="group"
      aria-label={`Condition ${path.map((index) => index + 1).join('.')}: ${fieldLabel(rule.field)}`}
      aria-describedby={errorsId}
      data-path={path.join('-')}
      data-id={rule.id}
      className="rounded border border-line bg-surface p-2"
    >
      <div className="flex flex-wrap items-start justify-end gap-2 sm:flex-nowrap">
        <div className="flex min-w-0 grow flex-wrap items-start gap-2">
          <FieldPicker
            field={condition.field}
            onChange={(field) => change(withField(condition, field))}
          />
          <OperatorPicker
            condition={condition}
            onChange={(operator) => change(withOperator(condition, operator))}
          />
          {arityOf(condition.operator) !== 'none' && (
            <ValueEditor
              condition={condition}
              onChange={(value) => change(withValue(condition, value))}
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
              if (rule.id) focusNext({ id: rule.id, part: direction })
              actions.moveRule(path, direction)
            }}
            onDuplicate={() =>
              actions.moveRule(path, [...path.slice(0, -1), (path.at(-1) ?? 0) + 1], true)
            }
            onRemove={() => {
              focusNext(focusAfterRemoval(tree(), path))
              actions.onRuleRemove(path)
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
