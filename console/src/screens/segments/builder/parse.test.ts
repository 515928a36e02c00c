import { describe, expect, it } from 'vitest'
import { offsetOfColumn } from './lexer'
import { numberIn, parseRules } from './parse'
import { printRules } from './print'
import { placedNodes, plainTree, type RuleGroup } from './rules'

function read(text: string): RuleGroup {
  const parsed = parseRules(text)
  if (!parsed) throw new Error(`not well formed: ${text}`)
  return parsed.tree
}

/** Printing shows how a text was read; the printed text reads the same. */
function printsAs(cases: [string, string][]) {
  for (const [text, printed] of cases) {
    expect(printRules(read(text)), text).toBe(printed)
    expect(read(printed), printed).toEqual(read(text))
  }
}

describe('the text of rules', () => {
  it('binds NOT tighter than AND, and AND tighter than OR', () => {
    printsAs([
      ['visits=1 OR visits=2 AND visits=3', 'visits = 1 OR (visits = 2 AND visits = 3)'],
      ['visits=1 AND visits=2 OR visits=3', '(visits = 1 AND visits = 2) OR visits = 3'],
      [
        'visits=1 AND (visits=2 OR visits=3)',
        'visits = 1 AND (visits = 2 OR visits = 3)',
      ],
      ['NOT visits=1 AND visits=2', 'NOT (visits = 1) AND visits = 2'],
      ['NOT (visits=1 AND visits=2)', 'NOT (visits = 1 AND visits = 2)'],
      ['NOT NOT visits=1', 'NOT (NOT (visits = 1))'],
      ['NOT (NOT visits=1)', 'NOT (NOT (visits = 1))'],
      ['visits=1 OR NOT (visits=2)', 'visits = 1 OR NOT (visits = 2)'],
      ['visits between 1 AND 2 AND visits=3', 'visits between 1 AND 2 AND visits = 3'],
    ])
  })

  it('keeps parentheses as groups', () => {
    printsAs([
      ['(visits = 1)', 'visits = 1'],
      ['((visits = 1))', '((visits = 1))'],
      ['((visits = 1) AND visits = 2)', '(visits = 1) AND visits = 2'],
      ['(NOT visits = 1)', '(NOT (visits = 1))'],
      ['NOT ((visits = 1))', 'NOT ((visits = 1))'],
    ])
  })

  it('ignores case of keywords, and spaces', () => {
    printsAs([
      ['visits>1', 'visits > 1'],
      ['visits>-1', 'visits > -1'],
      ['visits!=1 and not(visits>=2)', 'visits != 1 AND NOT (visits >= 2)'],
      ['  visits\t=\n1  Or\u{a0}visits = 2 ', 'visits = 1 OR visits = 2'],
      ['visits BETWEEN 1 aNd 2', 'visits between 1 AND 2'],
      ['visits NOTIN(1,2)', 'visits notIn (1, 2)'],
      ['last_order_at NULL', 'last_order_at null'],
      ['city="Rome"or city=\'Paris\'', 'city = "Rome" OR city = "Paris"'],
    ])
  })

  it("reads values by the field's kind", () => {
    printsAs([
      ['city = Rome', 'city = "Rome"'],
      ['city = 39', 'city = "39"'],
      ["city = 'or'", 'city = "or"'],
      ['city = “Rome”', 'city = "Rome"'],
      ['city = „Rome“', 'city = "Rome"'],
      ['city = ‘Rome’', 'city = "Rome"'],
      ['name = O’Neil', 'name = "O’Neil"'],
      ["name = 'O\\'Neil'", 'name = "O\'Neil"'],
      [String.raw`name = "a\\b\"c\d"`, String.raw`name = "a\\b\"cd"`],
      ['name = a\\b', String.raw`name = "a\\b"`],
      ['name = " "', 'name = " "'],
      ['city in ("a, b", c)', 'city in ("a, b", "c")'],
      ['city = 😀', 'city = "😀"'],
      ['unsubscribed = "true"', 'unsubscribed = true'],
      ['visits = "7"', 'visits = 7'],
      ['visits = 7.0', 'visits = 7'],
      ['visits = 1e3', 'visits = 1000'],
      ['total_spend = 9223372036854775808', 'total_spend = 9223372036854775808'],
      ['last_order_at > 1997-04-01', 'last_order_at > 1997-04-01'],
      ["last_order_at > '1997-04-01T12:00'", 'last_order_at > 1997-04-01T12:00'],
    ])
  })

  it('gives bare words of attributes a type, and keeps quoted ones as texts', () => {
    printsAs([
      ['attributes.a = 39', 'attributes.a = 39'],
      ["attributes.a = '39'", 'attributes.a = "39"'],
      ['attributes.a = 39.5', 'attributes.a = 39.5'],
      ['attributes.a = 19.552495849370974', 'attributes.a = 19.552495849370974'],
      ['attributes.a = 0.1e-6', 'attributes.a = 1e-7'],
      ['attributes.a = true', 'attributes.a = true'],
      ["attributes.a = 'true'", 'attributes.a = "true"'],
      ['attributes.a = 007', 'attributes.a = "007"'],
      ["attributes.a = '1997-04-01'", 'attributes.a = 1997-04-01'],
      ['attributes.a contains 39', 'attributes.a contains "39"'],
    ])
  })

  it('keeps what only the API can judge', () => {
    printsAs([
      ['colour = red', 'colour = "red"'],
      ['visits > x', 'visits > "x"'],
      ["name = ''", 'name = ""'],
      ['tags = vip', 'tags = "vip"'],
    ])
  })

  it('does not read what is not well formed', () => {
    const texts = [
      '',
      '   ',
      'AND',
      'NOT',
      '()',
      ')',
      '"name" = 1',
      'visits',
      'visits (',
      'visits 3',
      'visits == 3',
      'visits =',
      'city = null',
      'city = AND',
      'visits = =',
      'visits = 3 4',
      'visits = 3)',
      'visits = 3 AND',
      'visits = 3,4',
      '(visits = 3',
      'visits between 3',
      'visits between 3, 4',
      'visits in 3',
      'visits in ()',
      'visits in (3,)',
      'visits null 3',
      'city = "Rome',
      'city = "Rome\\"',
      "city = 'Rome\\",
      "city = O'Neil",
      '('.repeat(5000),
      `${'NOT '.repeat(5000)}visits = 1`,
    ]
    for (const text of texts) expect(parseRules(text), text).toBeNull()
  })

  it('says where each node stands', () => {
    const text = "visits > 1 AND (city = Rome OR NOT city = 'New York')"
    const spans = parseRules(text)?.spans ?? new Map()
    const at = (pointer: string) => {
      const span = spans.get(pointer)
      return span && text.slice(span.from, span.to)
    }
    expect(at('/rules')).toBe(text)
    expect(at('/rules/rules/0')).toBe('visits > 1')
    expect(at('/rules/rules/1')).toBe("(city = Rome OR NOT city = 'New York')")
    expect(at('/rules/rules/1/rules/1')).toBe("NOT city = 'New York'")
    expect(at('/rules/rules/1/rules/1/rules/0')).toBe("city = 'New York'")
  })

  it('knows when a number is too long for a browser', () => {
    expect(parseRules('attributes.a = 9007199254740993')?.exact).toBe(false)
    expect(parseRules('attributes.a = 9007199254740991')?.exact).toBe(true)
    expect(parseRules('total_spend = 9007199254740993')?.exact).toBe(true)
  })
})

describe('columns', () => {
  it('count characters, not UTF-16 units', () => {
    expect(offsetOfColumn('city = 😀 😀', 10)).toBe(10)
    expect('city = 😀 😀'.slice(offsetOfColumn('city = 😀 😀', 10))).toBe('😀')
  })
})

describe('numbers', () => {
  it("are JSON's", () => {
    expect(numberIn('-1.5e2')).toBe(-150)
    for (const word of ['', '007', '+1', '1.', '.5', '1e999', '0x1', 'NaN']) {
      expect(numberIn(word), word).toBeNull()
    }
  })
})

describe('trees', () => {
  const tree = read('visits > 1 AND (city = Rome OR city = Paris)')

  it('have a pointer for each node', () => {
    expect(placedNodes(tree).map(({ pointer }) => pointer)).toEqual([
      '/rules',
      '/rules/rules/0',
      '/rules/rules/1',
      '/rules/rules/1/rules/0',
      '/rules/rules/1/rules/1',
    ])
  })

  it('lose the members of an editor', () => {
    const edited: RuleGroup = {
      ...tree,
      id: 'x',
      rules: tree.rules.map((r) => ({ ...r, id: 'y' })),
    }
    expect(plainTree(edited)).toEqual(tree)
  })
})
