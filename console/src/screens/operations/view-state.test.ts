import { describe, expect, it } from 'vitest'
import type { View } from './types'
import { ranges, viewState } from './view-state'

const view: View = {
  name: 'customers',
  generation: 1,
  fold: 3,
  outdated: false,
  positions: '0:12',
  lag: 0,
  skipped: 0,
  quarantined: 0,
  can_roll_back: false,
  stopped: [],
  partitions: [],
  building: null,
  previous_generation: null,
}

describe('the state of a view', () => {
  it('is up to date without lag', () => {
    expect(viewState(view)).toMatchObject({ text: 'Up to date', color: 'good' })
  })

  it('says how far it is behind', () => {
    expect(viewState({ ...view, lag: 1200 }).text).toBe('1,200 behind')
  })

  it('puts a stalled partition before everything else', () => {
    const stalled = {
      ...view,
      lag: 5,
      outdated: true,
      stopped: [{ partition: 3, reason: 'an event cannot be read' }],
    }
    expect(viewState(stalled)).toMatchObject({ text: 'Stalled', color: 'bad' })
  })

  it('shows the progress of a rebuild', () => {
    const building = { ...view, building: { generation: 2, done: 50, of: 200 } }
    expect(viewState(building).text).toBe('Rebuilding, 25%')
  })

  it('warns of an old fold and of quarantine', () => {
    expect(viewState({ ...view, outdated: true }).text).toBe('Needs a rebuild')
    expect(viewState({ ...view, quarantined: 2 }).text).toBe('2 in quarantine')
  })
})

describe('ranges', () => {
  it('joins runs, in any order', () => {
    expect(ranges([7, 1, 0, 2, 3])).toBe('0–3, 7')
    expect(ranges([5])).toBe('5')
    expect(ranges([])).toBe('')
  })
})
