/** A segment's count over time. */
import type { Schemas } from '@/api/client'
import { useApi } from '@/api/query'

type Point = Schemas['SegmentCount']

export function useSegmentHistory(id: string, since?: string) {
  const params = { path: { id }, query: since ? { since } : {} }
  return useApi('/api/segments/{id}/history', { params }, { staleTime: 60_000 })
}

/** At most `limit` counts for a small drawing, the last one among them. */
export function thinned(points: readonly Point[], limit: number): number[] {
  const step = Math.ceil(points.length / limit)
  const last = points.length - 1
  return points
    .filter((_, index) => (last - index) % step === 0)
    .map(({ count }) => count)
}

/** `+12 since Nov 22`-like change over the points; `null` with fewer than two. */
export function changeOf(points: readonly Point[]): number | null {
  const [first, last] = [points[0], points[points.length - 1]]
  return first && last && points.length > 1 ? last.count - first.count : null
}
