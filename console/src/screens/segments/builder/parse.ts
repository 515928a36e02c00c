/**
 * Parser of rules as text, so that the builder follows what is typed. It knows
 * the syntax only: fields and values are checked by the API, which answers with
 * the pointer of the node concerned. What it does not understand is sent to the
 * API as it stands, for the API's own message.
 */

import { arityOf, kindOf, OF_TEXT, operatorNamed } from './catalog'
import { type Token, tokens } from './lexer'
import type { RuleCondition, RuleGroup, RuleNode, Scalar } from './rules'
import { pointerOf, isGroup, type Path } from './rules'

export interface Span {
  from: number
  to: number
}

export interface Parsed {
  tree: RuleGroup
  /** Where each node stands in the text, by its JSON pointer. */
  spans: Map<string, Span>
  /** False if a number has more digits than a browser can keep. */
  exact: boolean
}

/** Bounds the recursion; rules within the API's limits never reach it. */
const MAX_NESTING = 48

const RESERVED = new Set(['and', 'or', 'not', 'null'])

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

class SyntaxFault extends Error {}

/** Reads rules, or returns null if the text is not well formed. */
export function parseRules(text: string): Parsed | null {
  const found = tokens(text)
  if (!found) return null
  const parser = new Parser(found)
  try {
    return parser.rules()
  } catch (error) {
    if (error instanceof SyntaxFault) return null
    throw error
  }
}

/** The number that a word is in JSON's notation, if it is one. */
export function numberIn(word: string): number | null {
  if (!NUMBER.test(word)) return null
  const number = Number(word)
  return Number.isFinite(number) ? number : null
}

/** A part of the text, and whether parentheses or a NOT enclose it. */
interface Part {
  node: RuleNode
  isChain: boolean
}

class Parser {
  private at = 0
  private exact = true
  private readonly places = new Map<RuleNode, Span>()

  constructor(private readonly tokens: Token[]) {}

  rules(): Parsed {
    const part = this.any(0)
    if (this.next().kind !== 'end') throw new SyntaxFault()
    const tree = isGroup(part.node) ? part.node : this.group('and', [part.node])
    return { tree, spans: this.spans(tree), exact: this.exact }
  }

  private any(nesting: number): Part {
    return this.chain('or', () => this.all(nesting))
  }

  private all(nesting: number): Part {
    return this.chain('and', () => this.one(nesting))
  }

  private chain(word: 'and' | 'or', part: () => Part): Part {
    const from = this.next().from
    const first = part()
    if (!this.isWord(word)) return first
    const nodes = [first.node]
    while (this.takeWord(word)) nodes.push(part().node)
    return { node: this.placed(this.group(word, nodes), from), isChain: true }
  }

  private one(nesting: number): Part {
    if (nesting > MAX_NESTING) throw new SyntaxFault()
    const from = this.next().from
    if (this.takeWord('not')) {
      const inner = this.one(nesting + 1).node
      const negatable = isGroup(inner) && !inner.not
      const group = negatable ? inner : this.group('and', [inner])
      group.not = true
      return { node: this.placed(group, from), isChain: false }
    }
    if (this.take('open')) {
      const inner = this.any(nesting + 1)
      if (!this.take('close')) throw new SyntaxFault()
      // Parentheses make a group, even of one node.
      const group = inner.isChain ? inner.node : this.group('and', [inner.node])
      return { node: this.placed(group, from), isChain: false }
    }
    return { node: this.placed(this.condition(), from), isChain: false }
  }

  private condition(): RuleCondition {
    const field = this.expect('word').text
    const word = this.next()
    const operator = isNamed(word) ? operatorNamed(word.text) : null
    if (!operator) throw new SyntaxFault()
    this.at += 1
    const typed = kindOf(field) === 'attribute' && !OF_TEXT.has(operator)
    const numeric = ['count', 'money', 'days'].includes(kindOf(field))
    const value = () => this.value(typed, numeric, kindOf(field) === 'flag')
    switch (arityOf(operator)) {
      case 'none':
        return { field, operator }
      case 'one':
        return { field, operator, value: value() }
      case 'two': {
        const first = value()
        if (!this.takeWord('and')) throw new SyntaxFault()
        return { field, operator, value: [first, value()] }
      }
      case 'many':
        return { field, operator, value: this.list(value) }
    }
  }

  private list(value: () => Scalar): Scalar[] {
    this.expect('open')
    const values = [value()]
    while (this.take('comma')) values.push(value())
    this.expect('close')
    return values
  }

  /** Reads a value. Attributes have no type of their own, so quotes decide. */
  private value(isTyped: boolean, isNumeric: boolean, isFlag: boolean): Scalar {
    const token = this.next()
    if (token.kind !== 'word' && token.kind !== 'quoted') throw new SyntaxFault()
    const isBare = token.kind === 'word'
    if (isBare && RESERVED.has(token.text.toLowerCase())) throw new SyntaxFault()
    this.at += 1
    const { text } = token
    if ((isFlag || (isTyped && isBare)) && (text === 'true' || text === 'false')) {
      return text === 'true'
    }
    const number = isNumeric || (isTyped && isBare) ? numberIn(text) : null
    if (number === null) return text
    if (!Number.isInteger(number) || Number.isSafeInteger(number)) return number
    // A whole number that a browser cannot hold stays as it was typed.
    if (isTyped) this.exact = false
    return isNumeric ? text : number
  }

  private group(combinator: 'and' | 'or', rules: RuleNode[]): RuleGroup {
    return { combinator, not: false, rules }
  }

  private placed(node: RuleNode, from: number): RuleNode {
    const last = this.tokens[this.at - 1]
    this.places.set(node, { from, to: last ? last.to : from })
    return node
  }

  private spans(tree: RuleGroup): Map<string, Span> {
    const spans = new Map<string, Span>()
    const end = this.tokens[this.at - 1]?.to ?? 0
    const visit = (node: RuleNode, path: Path) => {
      spans.set(pointerOf(path), this.places.get(node) ?? { from: 0, to: end })
      if (isGroup(node))
        node.rules.forEach((child, index) => visit(child, [...path, index]))
    }
    visit(tree, [])
    return spans
  }

  private next(): Token {
    const token = this.tokens[this.at] ?? this.tokens[this.tokens.length - 1]
    if (!token) throw new SyntaxFault()
    return token
  }

  private take(kind: Token['kind']): boolean {
    const isNext = this.next().kind === kind
    if (isNext) this.at += 1
    return isNext
  }

  private expect(kind: Token['kind']): Token {
    const token = this.next()
    if (token.kind !== kind) throw new SyntaxFault()
    this.at += 1
    return token
  }

  private isWord(word: string): boolean {
    const token = this.next()
    return token.kind === 'word' && token.text.toLowerCase() === word
  }

  private takeWord(word: string): boolean {
    const isNext = this.isWord(word)
    if (isNext) this.at += 1
    return isNext
  }
}

function isNamed(token: Token): boolean {
  return token.kind === 'word' || token.kind === 'symbol'
}
