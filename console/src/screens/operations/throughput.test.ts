import { describe, expect, it } from 'vitest'
import { addSample, rates, type Sample } from './throughput'

const sample = (seconds: number, appended: number, folded = appended): Sample => ({
  at: seconds * 1000,
  appended,
  folded,
})

describe('rates', () => {
  it('divides by the time between two samples', () => {
    const { appended, folded, times } = rates([sample(0, 0), sample(5, 100, 50)])
    expect(appended).toEqual([20])
    expect(folded).toEqual([10])
    expect(times).toEqual(['1970-01-01T00:00:05.000Z'])
  })

  it('has no rate over a time in which the page was hidden', () => {
    expect(rates([sample(0, 0), sample(60, 6000), sample(65, 6100)]).appended).toEqual([
      null,
      20,
    ])
  })

  it('is never negative: a rebuilt view begins again', () => {
    expect(rates([sample(0, 10, 10), sample(5, 20, 0)]).folded).toEqual([0])
  })
})

describe('addSample', () => {
  it('keeps 15 minutes', () => {
    const kept = addSample([sample(0, 1), sample(500, 2)], sample(1000, 3))
    expect(kept.map((one) => one.appended)).toEqual([2, 3])
  })

  it('ignores a sample that is not newer', () => {
    expect(addSample([sample(5, 1)], sample(5, 2))).toEqual([sample(5, 1)])
  })
})
