import { describe, expect, it } from 'vitest'

import { statistics } from './testing'
import { LiveCounts, TimeBins } from './timeline'
import type { Message } from './types'

const START = Date.parse('2026-11-29T10:00:00.000Z')

function at(seconds: number): string {
  return new Date(START + seconds * 1_000).toISOString()
}

function delivered(
  sent: number,
  ended: number,
): Pick<Message, 'status' | 'sent_at' | 'ended_at'> {
  return { status: 'delivered', sent_at: at(sent), ended_at: at(ended) }
}

describe('TimeBins', () => {
  it('sums up the courses from zero', () => {
    const bins = new TimeBins()
    bins.add(delivered(1, 3))
    bins.add(delivered(1, 2))
    bins.add({ status: 'suppressed', ended_at: at(0.2) })
    bins.add({ status: 'undeliverable', ended_at: at(4) })
    bins.add({ status: 'queued' })
    const { times, counts } = bins.timeline(START)
    expect(times[0]).toBe(START)
    expect(counts.accepted[0]).toBe(0)
    expect(counts.accepted.at(-1)).toBe(2)
    expect(counts.delivered.at(-1)).toBe(2)
    expect(counts.failed.at(-1)).toBe(1)
    expect(counts.suppressed.at(-1)).toBe(1)
    expect([...times].sort((a, b) => a - b)).toEqual(times)
  })

  it('stays flat over a quiet time', () => {
    const bins = new TimeBins()
    bins.add(delivered(1, 1))
    bins.add(delivered(100, 100))
    const { times, counts } = bins.timeline(START)
    const quiet = times.findIndex((time) => time > START + 99_000)
    expect(times[quiet]).toBe(START + 100_000)
    expect(counts.delivered[quiet]).toBe(1)
    expect(counts.delivered[quiet + 1]).toBe(2)
  })

  it('keeps a bounded number of bins and loses nothing, whatever the order', () => {
    const bins = new TimeBins(50)
    for (let index = 0; index < 5_000; index += 1) {
      // A permutation of the seconds of an hour and more, back and forth.
      const second = (index * 2_711) % 5_000
      bins.add(delivered(second, second + 7))
    }
    expect(bins.size).toBeLessThanOrEqual(50)
    const { counts } = bins.timeline(START)
    expect(counts.accepted.at(-1)).toBe(5_000)
    expect(counts.delivered.at(-1)).toBe(5_000)
  })

  it('never goes back in time when a clock was early', () => {
    const bins = new TimeBins()
    bins.add(delivered(-5, 2))
    const { times } = bins.timeline(START)
    expect([...times].sort((a, b) => a - b)).toEqual(times)
    expect(times[0]).toBe(START)
  })

  it('is a single point without messages', () => {
    expect(new TimeBins().timeline(START).times).toEqual([START])
  })
})

describe('LiveCounts', () => {
  it('continues a timeline after its end', () => {
    const bins = new TimeBins()
    bins.add(delivered(1, 1))
    const live = new LiveCounts()
    live.add(START + 500, statistics({ sent: 9 }))
    live.add(START + 9_000, statistics({ sent: 3, failed: 2, undeliverable: 1 }))
    const { times, counts } = live.continue(bins.timeline(START), START + 2_000)
    expect(times.at(-1)).toBe(START + 9_000)
    expect(counts.accepted.at(-1)).toBe(4)
    expect(counts.accepted).not.toContain(9)
  })

  it('leaves out what it saw before the messages were read', () => {
    const live = new LiveCounts()
    live.add(START + 5_000, statistics({ sent: 9 }))
    const read = START + 6_000
    expect(live.continue(new TimeBins().timeline(START), read).times).toEqual([START])
  })

  it('keeps a bounded number of moments, among them the newest', () => {
    const live = new LiveCounts(20)
    for (let second = 0; second < 1_000; second += 1) {
      live.add(START + second * 1_000, statistics({ sent: second }))
    }
    expect(live.size).toBeLessThanOrEqual(20)
    const { counts } = live.continue(new TimeBins().timeline(START), START)
    expect(counts.accepted.at(-1)).toBe(999)
  })
})
