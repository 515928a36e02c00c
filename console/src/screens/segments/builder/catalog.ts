/** Fields and operators of the rules, as docs/rules.md lists them. */

export type Kind =
  'text' | 'tags' | 'flag' | 'count' | 'money' | 'time' | 'days' | 'attribute'

export interface Field {
  name: string
  label: string
  kind: Kind
}

export interface FieldSection {
  label: string
  fields: Field[]
}

export const SECTIONS: FieldSection[] = [
  {
    label: 'Person',
    fields: [
      { name: 'name', label: 'Name', kind: 'text' },
      { name: 'email', label: 'Email address', kind: 'text' },
      { name: 'phone', label: 'Phone', kind: 'text' },
      { name: 'city', label: 'City', kind: 'text' },
      { name: 'country', label: 'Country', kind: 'text' },
      { name: 'tags', label: 'Tags', kind: 'tags' },
      { name: 'unsubscribed', label: 'Unsubscribed', kind: 'flag' },
      { name: 'registered_at', label: 'Registration date', kind: 'time' },
      { name: 'days_since_registered', label: 'Days since registration', kind: 'days' },
    ],
  },
  {
    label: 'Orders',
    fields: [
      { name: 'total_spend', label: 'Total spend', kind: 'money' },
      { name: 'order_count', label: 'Number of orders', kind: 'count' },
      { name: 'average_order_value', label: 'Average order value', kind: 'money' },
      { name: 'first_order_at', label: 'First order date', kind: 'time' },
      { name: 'last_order_at', label: 'Last order date', kind: 'time' },
      { name: 'days_since_last_order', label: 'Days since last order', kind: 'days' },
    ],
  },
  {
    label: 'Activity',
    fields: [{ name: 'visits', label: 'Number of visits', kind: 'count' }],
  },
]

/** Fields whose names contain a name from the shop. */
export type Family = 'attribute' | 'activity-count' | 'activity-time'

interface FamilyForm {
  prefix: string
  suffix: string
  kind: Kind
  label: string
  section: string
}

export const FAMILIES: Record<Family, FamilyForm> = {
  'activity-count': {
    prefix: 'events.',
    suffix: '.count',
    kind: 'count',
    label: 'Count of an activity',
    section: 'Activity',
  },
  'activity-time': {
    prefix: 'events.',
    suffix: '.last_at',
    kind: 'time',
    label: 'Last time of an activity',
    section: 'Activity',
  },
  attribute: {
    prefix: 'attributes.',
    suffix: '',
    kind: 'attribute',
    label: 'Attribute',
    section: 'Attributes',
  },
}

const FIXED = new Map(
  SECTIONS.flatMap((section) => section.fields).map((field) => [field.name, field]),
)

const FAMILY_NAMES = Object.keys(FAMILIES) as Family[]

/** The family of a field's name and the name within it. */
export function familyOf(name: string): { family: Family; part: string } | null {
  for (const family of FAMILY_NAMES) {
    const { prefix, suffix } = FAMILIES[family]
    const long = name.length >= prefix.length + suffix.length
    if (long && name.startsWith(prefix) && name.endsWith(suffix)) {
      return { family, part: name.slice(prefix.length, name.length - suffix.length) }
    }
  }
  return null
}

/** The name of a field in a family. */
export function familyField(family: Family, part: string): string {
  const { prefix, suffix } = FAMILIES[family]
  return prefix + part + suffix
}

/** The kind of a field's values; a field that does not exist counts as text. */
export function kindOf(name: string): Kind {
  const fixed = FIXED.get(name)
  if (fixed) return fixed.kind
  const found = familyOf(name)
  return found ? FAMILIES[found.family].kind : 'text'
}

export function isKnownField(name: string): boolean {
  return FIXED.has(name) || familyOf(name) !== null
}

/** A field's name for people. */
export function fieldLabel(name: string): string {
  const fixed = FIXED.get(name)
  if (fixed) return fixed.label
  const found = familyOf(name)
  if (!found) return name
  const part = found.part === '' ? '…' : found.part
  switch (found.family) {
    case 'attribute':
      return `Attribute ${part}`
    case 'activity-count':
      return `Number of “${part}”`
    case 'activity-time':
      return `Last “${part}”`
  }
}

/** Number of values that an operator takes. */
export type Arity = 'none' | 'one' | 'two' | 'many'

const ARITIES: Record<string, Arity> = {
  '=': 'one',
  '!=': 'one',
  '<': 'one',
  '<=': 'one',
  '>': 'one',
  '>=': 'one',
  between: 'two',
  notBetween: 'two',
  in: 'many',
  notIn: 'many',
  null: 'none',
  notNull: 'none',
  contains: 'one',
  doesNotContain: 'one',
  beginsWith: 'one',
  doesNotBeginWith: 'one',
  endsWith: 'one',
  doesNotEndWith: 'one',
}

const OPERATORS = Object.keys(ARITIES)

/** The operator of this name in any case, as the API spells it. */
export function operatorNamed(word: string): string | null {
  const lower = word.toLowerCase()
  return OPERATORS.find((operator) => operator.toLowerCase() === lower) ?? null
}

export function arityOf(operator: string): Arity {
  return ARITIES[operator] ?? 'one'
}

/** Operators that compare parts of a text. */
export const OF_TEXT = new Set([
  'contains',
  'doesNotContain',
  'beginsWith',
  'doesNotBeginWith',
  'endsWith',
  'doesNotEndWith',
])

const EQUALITY = ['=', '!=']
const ORDER = ['<', '<=', '>', '>=', 'between', 'notBetween']
const LISTS = ['in', 'notIn']
const PRESENCE = ['null', 'notNull']
const PARTS = [...OF_TEXT]

/** The operators that fit a kind, in the order of a menu. */
export function operatorsOf(kind: Kind): string[] {
  switch (kind) {
    case 'text':
      return [...EQUALITY, ...PARTS, ...LISTS, ...PRESENCE, ...ORDER]
    case 'tags':
      return ['contains', 'doesNotContain', ...PRESENCE]
    case 'flag':
      return [...EQUALITY, ...PRESENCE]
    case 'count':
    case 'money':
    case 'days':
    case 'time':
      return [
        '>',
        '>=',
        '<',
        '<=',
        ...EQUALITY,
        'between',
        'notBetween',
        ...LISTS,
        ...PRESENCE,
      ]
    case 'attribute':
      return [...EQUALITY, ...ORDER, ...PARTS, ...LISTS, ...PRESENCE]
  }
}

const LABELS: Record<string, string> = {
  '=': 'is',
  '!=': 'is not',
  '<': 'is less than',
  '<=': 'is at most',
  '>': 'is more than',
  '>=': 'is at least',
  between: 'is between',
  notBetween: 'is not between',
  in: 'is one of',
  notIn: 'is none of',
  null: 'is missing',
  notNull: 'is known',
  contains: 'contains',
  doesNotContain: 'does not contain',
  beginsWith: 'begins with',
  doesNotBeginWith: 'does not begin with',
  endsWith: 'ends with',
  doesNotEndWith: 'does not end with',
}

const TIME_LABELS: Record<string, string> = {
  '=': 'is on',
  '!=': 'is not on',
  '<': 'is before',
  '<=': 'is not after',
  '>': 'is after',
  '>=': 'is not before',
}

const TAG_LABELS: Record<string, string> = {
  contains: 'include',
  doesNotContain: 'do not include',
  null: 'are missing',
  notNull: 'are present',
}

const TEXT_LABELS: Record<string, string> = {
  '<': 'sorts before',
  '<=': 'sorts before or is',
  '>': 'sorts after',
  '>=': 'sorts after or is',
  between: 'sorts between',
  notBetween: 'does not sort between',
}

/** An operator in words, as it reads between a field of this kind and a value. */
export function operatorLabel(operator: string, kind: Kind): string {
  const special =
    kind === 'time'
      ? TIME_LABELS
      : kind === 'tags'
        ? TAG_LABELS
        : kind === 'text'
          ? TEXT_LABELS
          : {}
  return special[operator] ?? LABELS[operator] ?? operator
}
