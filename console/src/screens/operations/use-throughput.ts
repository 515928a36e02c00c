import { useEffect, useSyncExternalStore } from 'react'
import { useApi } from '@/api/query'
import { addSample, type Sample } from './throughput'

/** Milliseconds between two reads of what changes by itself. A hidden page does not read. */
export const REFRESH = 5_000

let samples: readonly Sample[] = []
const listeners = new Set<() => void>()

function add(sample: Sample) {
  samples = addSample(samples, sample)
  for (const listener of listeners) listener()
}

/** Counts events while the screen is open. */
export function useThroughput(): readonly Sample[] {
  const log = useApi('/api/admin/log', {}, { refetchInterval: REFRESH })
  const views = useApi('/api/admin/projections', {}, { refetchInterval: REFRESH })
  useEffect(() => {
    if (!log.data || !views.data) return
    const lag = Math.max(0, ...views.data.items.map((view) => view.lag))
    add({
      at: log.dataUpdatedAt,
      appended: log.data.events,
      folded: Math.max(0, log.data.events - lag),
    })
  }, [log.dataUpdatedAt])
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => samples,
  )
}
