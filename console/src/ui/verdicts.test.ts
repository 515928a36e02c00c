import { describe, expect, it } from 'vitest'
import {
  conditionText,
  fieldOf,
  isAmount,
  isTime,
  type Verdict,
  verdictTree,
} from './verdicts'

const verdicts: Verdict[] = [
  { pointer: '/rules', text: 'a = 1 AND (b = 2 OR c = 3)', matches: false },
  { pointer: '/rules/rules/0', text: 'city = "Rome"', matches: true, value: 'Rome' },
  { pointer: '/rules/rules/1', text: 'NOT (b = 2 OR c = 3)', matches: false },
  { pointer: '/rules/rules/1/rules/0', text: 'visits > 2', matches: false, value: 1 },
  { pointer: '/rules/rules/1/rules/1', text: 'name null', matches: false, value: null },
]

describe('verdictTree', () => {
  it('nests conditions in their groups, in order', () => {
    const [root, ...others] = verdictTree(verdicts)
    expect(others).toEqual([])
    expect(root?.isGroup).toBe(true)
    expect(root?.children.map((node) => node.label)).toEqual([
      'city = "Rome"',
      'NOT (b = 2 OR c = 3)',
    ])
    expect(root?.children[1]?.children.map((node) => node.isGroup)).toEqual([
      false,
      false,
    ])
  })

  it('labels groups by what the rules say', () => {
    const condition = { field: 'visits', operator: '>' as const, value: 2 }
    const inner = { combinator: 'or' as const, not: true, rules: [condition, condition] }
    const rules = { combinator: 'and' as const, rules: [condition, inner] }
    const [root] = verdictTree(verdicts, rules as never)
    expect(root?.label).toBe('All of these')
    expect(root?.children[1]?.label).toBe('None of these')
  })

  it('is empty for a customer who did not exist', () => {
    expect(verdictTree([])).toEqual([])
  })
})

describe('conditionText', () => {
  const text = (condition: string, currency?: string) =>
    conditionText({ pointer: '', text: condition, matches: true, value: 1 }, currency)

  it('writes amounts as money', () => {
    expect(text('total_spend >= 200000', 'USD')).toBe('total_spend >= $2,000.00')
    expect(text('average_order_value between 1000 AND 2050', 'USD')).toBe(
      'average_order_value between $10.00 AND $20.50',
    )
    expect(text('total_spend in (-100, 5)', 'JPY')).toBe('total_spend in (-¥100, ¥5)')
  })

  it('leaves other numbers, and amounts of an unknown currency', () => {
    expect(text('order_count >= 8', 'USD')).toBe('order_count >= 8')
    expect(text('total_spend >= 200000')).toBe('total_spend >= 200000')
  })
})

describe('fieldOf', () => {
  it('finds the field of a condition', () => {
    const field = (text: string) => fieldOf({ pointer: '', text, matches: true })
    expect(field('total_spend >= 100000')).toBe('total_spend')
    expect(field('NOT events.visit.last_at > "2026-01-01"')).toBe('events.visit.last_at')
  })

  it('tells amounts and times from other values', () => {
    expect(isAmount('average_order_value')).toBe(true)
    expect(isTime('events.visit.last_at')).toBe(true)
    expect(isTime('attributes.seen_at')).toBe(false)
  })
})
