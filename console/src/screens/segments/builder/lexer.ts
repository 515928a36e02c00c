/** Lexer for rules written as text; the grammar is that of docs/rules.md. */

export type TokenKind = 'open' | 'close' | 'comma' | 'symbol' | 'word' | 'quoted' | 'end'

export interface Token {
  kind: TokenKind
  text: string
  /** Offsets in the string, in UTF-16 units as the DOM counts them. */
  from: number
  to: number
}

/** Typographic quotes are accepted, since word processors replace straight ones. */
const CLOSING: Record<string, string> = {
  '"': '"',
  "'": "'",
  '“': '”“',
  '”': '”“',
  '„': '”“',
  '‘': '’‘',
  '’': '’‘',
  '‚': '’‘',
}

const SPACE = /\p{White_Space}/u
const SYMBOL = /[=!<>]/
const WORD_END = /[\p{White_Space}=!<>(),"']/u

/** Splits a text into tokens, or returns null if a quoted text does not end. */
export function tokens(text: string): Token[] | null {
  const found: Token[] = []
  let at = 0
  while (at < text.length) {
    const char = text.charAt(at)
    if (SPACE.test(char)) {
      at += 1
      continue
    }
    const token = nextToken(text, at, char)
    if (!token) return null
    found.push(token)
    at = token.to
  }
  found.push({ kind: 'end', text: '', from: text.length, to: text.length })
  return found
}

function nextToken(text: string, at: number, char: string): Token | null {
  const single = (kind: TokenKind): Token => ({ kind, text: char, from: at, to: at + 1 })
  if (char === '(') return single('open')
  if (char === ')') return single('close')
  if (char === ',') return single('comma')
  const closing = CLOSING[char]
  if (closing) return quoted(text, at, closing)
  if (SYMBOL.test(char)) return taken(text, at, 'symbol', (c) => SYMBOL.test(c))
  return taken(text, at, 'word', (c) => !WORD_END.test(c))
}

function taken(
  text: string,
  from: number,
  kind: TokenKind,
  belongs: (char: string) => boolean,
): Token {
  let to = from
  while (to < text.length && belongs(text.charAt(to))) to += 1
  return { kind, text: text.slice(from, to), from, to }
}

/** Reads a quoted text; a backslash makes the next character literal. */
function quoted(text: string, from: number, closing: string): Token | null {
  let content = ''
  for (let at = from + 1; at < text.length; at += 1) {
    const char = text.charAt(at)
    if (closing.includes(char)) return { kind: 'quoted', text: content, from, to: at + 1 }
    if (char === '\\') {
      at += 1
      if (at >= text.length) return null
      content += text.charAt(at)
    } else {
      content += char
    }
  }
  return null
}

/** Offset of a column, which the API counts in characters from 1. */
export function offsetOfColumn(text: string, column: number): number {
  return Array.from(text)
    .slice(0, column - 1)
    .join('').length
}
