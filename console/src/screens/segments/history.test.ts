import { describe, expect, it } from 'vitest'
import { changeOf, thinned } from './history'

const points = (counts: number[]) =>
  counts.map((count, at) => ({ at: `day ${at}`, count }))

describe("a segment's history", () => {
  it('is thinned to its last point', () => {
    expect(thinned(points([1, 2, 3]), 10)).toEqual([1, 2, 3])
    expect(thinned(points([1, 2, 3, 4, 5]), 3)).toEqual([1, 3, 5])
    expect(thinned(points([1, 2, 3, 4]), 2)).toEqual([2, 4])
    expect(thinned([], 2)).toEqual([])
  })

  it('changes from its first to its last point', () => {
    expect(changeOf(points([5, 9, 7]))).toBe(2)
    expect(changeOf(points([5]))).toBeNull()
  })
})
