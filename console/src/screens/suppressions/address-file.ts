/**
 * Addresses in a file that a person chose: a table with one of them in each row, as mailing
 * tools export it, or one address a line.
 */

export interface Row {
  /** Line of the file at which the row begins, from 1. */
  line: number
  cells: string[]
}

export interface Table {
  /** Names of the columns; `null` if the first row has an address already. */
  header: string[] | null
  rows: Row[]
}

export interface Address {
  line: number
  address: string
}

/** Parses comma-, semicolon- or tab-separated values, with quoted cells. */
export function parseTable(text: string): Table {
  const content = text.replace(/^\uFEFF/, '')
  const rows = rowsOf(content, separatorOf(content))
  const [first, ...rest] = rows
  if (!first || first.cells.some(isLikeAddress)) return { header: null, rows }
  return { header: first.cells.map((cell) => cell.trim()), rows: rest }
}

/** The sign that the first line has most of. */
function separatorOf(content: string): string {
  const line = content.slice(0, content.search(/[\r\n]|$/))
  const times = (sign: string) => line.split(sign).length
  return [',', ';', '\t'].reduce((best, sign) =>
    times(sign) > times(best) ? sign : best,
  )
}

/** Rows that are not blank. */
function rowsOf(content: string, separator: string): Row[] {
  const rows: Row[] = []
  let [line, begin] = [1, 1]
  let cells: string[] = []
  let cell = ''
  let quoted = false
  const endRow = () => {
    cells.push(cell)
    if (cells.some((one) => one.trim())) rows.push({ line: begin, cells })
    cells = []
    cell = ''
    begin = line
  }
  for (let at = 0; at < content.length; at += 1) {
    const sign = content.charAt(at)
    if (sign === '\n') line += 1
    if (quoted) {
      if (sign !== '"') cell += sign
      else if (content[at + 1] === '"') cell += content.charAt((at += 1))
      else quoted = false
    } else if (sign === '"' && cell === '') quoted = true
    else if (sign === separator) {
      cells.push(cell)
      cell = ''
    } else if (sign === '\n') endRow()
    else if (sign !== '\r') cell += sign
  }
  endRow()
  return rows
}

/** Names of columns with addresses, in the order in which they are preferred. */
const NAMES = [
  'address',
  'email',
  'emailaddress',
  'mail',
  'phone',
  'phonenumber',
  'mobile',
]

/** How many rows are looked at for a column without a name that tells. */
const SAMPLE = 100

/** The column that most likely has the addresses; `null` if none looks like it. */
export function addressColumn({ header, rows }: Table): number | null {
  const names = (header ?? []).map((name) => name.toLowerCase().replace(/[^a-z]/g, ''))
  const named = NAMES.map((name) => names.indexOf(name)).find((at) => at >= 0)
  if (named !== undefined) return named
  const hits: number[] = []
  for (const { cells } of rows.slice(0, SAMPLE)) {
    cells.forEach((cell, at) => {
      if (isLikeAddress(cell)) hits[at] = (hits[at] ?? 0) + 1
    })
  }
  const most = Math.max(0, ...hits.filter(Boolean))
  return most > 0 ? hits.indexOf(most) : null
}

/** The addresses of a column, each once; the API decides which of them are none. */
export function addressesOf({ rows }: Table, column: number): Address[] {
  const addresses = new Map<string, Address>()
  for (const { line, cells } of rows) {
    const address = unguarded((cells[column] ?? '').trim())
    const key = address.toLowerCase()
    if (address && !addresses.has(key)) addresses.set(key, { line, address })
  }
  return [...addresses.values()]
}

/** Without the apostrophe that keeps a spreadsheet from calculating `+1 202…`. */
function unguarded(cell: string): string {
  return cell.replace(/^'(?=[+=@-])/, '')
}

function isLikeAddress(cell: string): boolean {
  const text = unguarded(cell.trim())
  return /^\S+@\S+$/.test(text) || /^\+?[\d\s()./-]{7,}$/.test(text)
}
