import { number, percent } from '@/format'
import type { StatusColor } from '@/format/status'
import type { View } from './types'

export interface ViewState {
  text: string
  color: StatusColor
  explanation: string
}

/** The state of a view in a word. What an operator should act on comes first. */
export function viewState(view: View): ViewState {
  if (view.stopped.length > 0) {
    return {
      text: 'Stalled',
      color: 'bad',
      explanation: `It does not fold ${view.stopped.length === 1 ? 'a partition' : `${view.stopped.length} partitions`}. The reasons are below.`,
    }
  }
  if (view.building) {
    const { done, of, generation } = view.building
    return {
      text: `Rebuilding, ${percent(done, of)}`,
      color: 'accent',
      explanation: `Generation ${generation} has folded ${number(done)} of ${number(of)} events. The view serves generation ${view.generation} meanwhile.`,
    }
  }
  if (view.switching_to != null) {
    return {
      text: 'Switching',
      color: 'accent',
      explanation: `Generation ${view.switching_to} folds what it lacks and serves reads after that.`,
    }
  }
  if (view.outdated) {
    return {
      text: 'Needs a rebuild',
      color: 'warn',
      explanation:
        'It was folded by an older program, and may return wrong results until it is rebuilt.',
    }
  }
  if (view.quarantined) {
    return {
      text: `${number(view.quarantined)} in quarantine`,
      color: 'warn',
      explanation: 'Events that the view could not fold wait for a decision.',
    }
  }
  if (view.lag > 0) {
    return {
      text: `${number(view.lag)} behind`,
      color: 'accent',
      explanation: 'It is folding the latest events.',
    }
  }
  return { text: 'Up to date', color: 'good', explanation: 'It has folded every event.' }
}

/** Partition numbers with runs joined: `0–3, 7`. */
export function ranges(numbers: readonly number[]): string {
  const sorted = numbers.toSorted((a, b) => a - b)
  const runs: [number, number][] = []
  for (const one of sorted) {
    const last = runs.at(-1)
    if (last && one === last[1] + 1) last[1] = one
    else runs.push([one, one])
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ')
}
