import { describe, expect, it } from 'vitest'
import { parseColumns, toggled } from './chosen'

const KNOWN = ['id', 'email', 'city', 'spend']

describe('the columns in the URL', () => {
  it('are in the order of the table, whatever the order of the link', () => {
    expect(parseColumns('spend,email', KNOWN)).toEqual(['email', 'spend'])
  })

  it('are none if no name is known', () => {
    expect(parseColumns('age', KNOWN)).toBeNull()
    expect(parseColumns('', KNOWN)).toBeNull()
  })
})

describe('choosing a column', () => {
  it('adds and removes it', () => {
    expect(toggled(['spend'], 'email', KNOWN)).toEqual(['email', 'spend'])
    expect(toggled(['email', 'spend'], 'email', KNOWN)).toEqual(['spend'])
  })

  it('keeps the last one', () => {
    expect(toggled(['spend'], 'spend', KNOWN)).toEqual(['spend'])
  })
})
