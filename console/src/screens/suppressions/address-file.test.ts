import { describe, expect, it } from 'vitest'
import { addressColumn, addressesOf, parseTable } from './address-file'

/** The addresses of a file, with their lines, as a person would import it. */
function addresses(text: string): string[] {
  const table = parseTable(text)
  return addressesOf(table, addressColumn(table) ?? 0).map(
    ({ line, address }) => `${line} ${address}`,
  )
}

describe('a file of addresses', () => {
  it('has one a line', () => {
    expect(addresses('ada@example.com\r\n\r\n+44 20 7946 0958\n')).toEqual([
      '1 ada@example.com',
      '3 +44 20 7946 0958',
    ])
  })

  it('is a table with a column of addresses', () => {
    const text = 'First Name;Email Address;Reason\nAda;ada@example.com;cleaned\n'
    expect(addresses(text)).toEqual(['2 ada@example.com'])
  })

  it('is the export of this list', () => {
    const text = "\uFEFFaddress,channel,detail\n'+442079460958,phone,manual\n"
    expect(addresses(text)).toEqual(['2 +442079460958'])
  })

  it('has cells with line breaks, separators and quotes', () => {
    const text = 'note,mail\n"two\nlines, ""quoted""",ada@example.com\n,ben@example.com\n'
    expect(parseTable(text).rows[0]?.cells[0]).toBe('two\nlines, "quoted"')
    expect(addresses(text)).toEqual(['2 ada@example.com', '4 ben@example.com'])
  })

  it('has an address once', () => {
    expect(addresses('a@b.example\nA@B.example\n')).toEqual(['1 a@b.example'])
  })

  it('keeps what is no address, for the API to refuse', () => {
    expect(addresses('email\nada@example.com\nnobody\n')).toEqual([
      '2 ada@example.com',
      '3 nobody',
    ])
  })
})

describe('the column of the addresses', () => {
  it('is found by its values if no name tells', () => {
    const table = parseTable('who,where\nAda,ada@example.com\nBen,ben@example.com\n')
    expect(addressColumn(table)).toBe(1)
  })

  it('is not invented', () => {
    expect(addressColumn(parseTable('name,city\nAda,Berlin\n'))).toBeNull()
    expect(addressColumn(parseTable(''))).toBeNull()
  })
})
