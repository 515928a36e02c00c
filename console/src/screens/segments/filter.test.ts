import { describe, expect, it } from 'vitest'
import { matching } from './filter'

const segments = [
  { name: 'Big spenders', archived_at: null },
  { name: 'Big cities', archived_at: '2026-11-29T00:00:00Z' },
]
const names = (search: string, shown: 'active' | 'archived' | 'all') =>
  matching(segments, search, shown).map(({ name }) => name)

describe('the list of segments', () => {
  it('is searched by words of the name', () => {
    expect(names('SPEND big', 'all')).toEqual(['Big spenders'])
    expect(names('big', 'all')).toHaveLength(2)
    expect(names('rome', 'all')).toEqual([])
  })

  it('shows archived segments on request', () => {
    expect(names('', 'active')).toEqual(['Big spenders'])
    expect(names('', 'archived')).toEqual(['Big cities'])
  })
})
