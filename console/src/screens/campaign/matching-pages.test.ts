import { describe, expect, it } from 'vitest'

import { type MatchingOptions, readMatching } from './matching-pages'

/** Rows 0 to 99 in pages of ten; a cursor is the number of the next row. */
function options(matches: (row: number) => boolean): MatchingOptions<number> {
  return {
    read: (cursor) => {
      const first = Number(cursor ?? 0)
      const items = Array.from({ length: 10 }, (_, index) => first + index)
      return Promise.resolve({
        items,
        next_cursor: first < 90 ? String(first + 10) : null,
      })
    },
    matches,
    wanted: 3,
    mostReads: 4,
  }
}

const { signal } = new AbortController()

describe('readMatching', () => {
  it('reads on until enough rows match', async () => {
    const page = await readMatching(
      undefined,
      signal,
      options((row) => row % 8 === 0),
    )
    expect(page).toEqual({ items: [0, 8, 16], next_cursor: '20', scanned: 20 })
  })

  it('continues after the last row that was read, so that no row is lost or repeated', async () => {
    const found: number[] = []
    let cursor: string | undefined
    do {
      const page = await readMatching(
        cursor,
        signal,
        options((row) => row % 7 === 0),
      )
      found.push(...page.items)
      cursor = page.next_cursor ?? undefined
    } while (cursor)
    expect(found).toEqual(Array.from({ length: 15 }, (_, index) => index * 7))
  })

  it('stops after its reads, with a cursor, even if nothing matches', async () => {
    const page = await readMatching(
      undefined,
      signal,
      options(() => false),
    )
    expect(page).toEqual({ items: [], next_cursor: '40', scanned: 40 })
  })

  it('has no cursor at the end', async () => {
    const page = await readMatching(
      '80',
      signal,
      options(() => false),
    )
    expect(page.next_cursor).toBeNull()
  })
})
