import type { ReactNode } from 'react'
import { money, number } from '@/format'
import { cx } from './cx'
import { Icon } from './icon'
import { None } from './page'
import { Time } from './time'
import {
  conditionText,
  fieldOf,
  isAmount,
  isTime,
  type Verdict,
  type VerdictNode,
  verdictTree,
} from './verdicts'
import type { Schemas } from '@/api/client'

/** Which conditions a customer meets, with the customer's values. */
export function VerdictTree({
  verdicts,
  rules,
  currency,
}: {
  verdicts: readonly Verdict[]
  /** The rules that were evaluated, to say what their groups mean. */
  rules?: Schemas['RuleGroup'] | null
  /** Currency of amounts; without it they are shown in minor units. */
  currency?: string
}) {
  return (
    <ul className="flex flex-col gap-1" aria-label="Conditions">
      {verdictTree(verdicts, rules).map((node) => (
        <Node key={node.verdict.pointer} node={node} currency={currency} />
      ))}
    </ul>
  )
}

function Node({ node, currency }: { node: VerdictNode; currency: string | undefined }) {
  const { verdict, label, isGroup, children } = node
  return (
    <li className="min-w-0">
      <div className="flex items-start gap-2 py-0.5">
        <Icon
          name={verdict.matches ? 'check' : 'close'}
          className={cx('mt-0.5', verdict.matches ? 'text-good' : 'text-bad')}
        />
        <span className="sr-only">{verdict.matches ? 'Met:' : 'Not met:'}</span>
        <div className="min-w-0">
          {isGroup ? (
            <span className="font-medium">{label}</span>
          ) : (
            <code className="font-mono text-sm wrap-anywhere">
              {conditionText(verdict, currency)}
            </code>
          )}
          {!isGroup && (
            <p className="text-sm text-muted wrap-anywhere">
              Value: <Value verdict={verdict} currency={currency} />
            </p>
          )}
        </div>
      </div>
      {children.length > 0 && (
        <ul className="ml-[7px] flex flex-col gap-1 border-l border-line pl-4">
          {children.map((child) => (
            <Node key={child.verdict.pointer} node={child} currency={currency} />
          ))}
        </ul>
      )}
    </li>
  )
}

function Value({
  verdict,
  currency,
}: {
  verdict: Verdict
  currency: string | undefined
}): ReactNode {
  const { value } = verdict
  const field = fieldOf(verdict)
  if (value === null || value === undefined) return <None text="no value" />
  if (Array.isArray(value)) return value.length ? value.map(String).join(', ') : 'none'
  if (typeof value === 'number') {
    if (currency && isAmount(field)) return money(value, currency)
    return Number.isInteger(value) ? number(value) : String(value)
  }
  if (typeof value === 'string' && isTime(field)) return <Time at={value} />
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  return String(value)
}
