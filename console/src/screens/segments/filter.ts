/** Which segments the list shows. */
import type { Segment } from './edit-state'

export type Shown = 'active' | 'archived' | 'all'

export const SHOWN: { value: Shown; label: string }[] = [
  { value: 'active', label: 'Active' },
  { value: 'archived', label: 'Archived' },
  { value: 'all', label: 'All' },
]

type Named = Pick<Segment, 'name' | 'archived_at'>

/** Segments whose name has all words of the search, in any order and case. */
export function matching<S extends Named>(
  segments: readonly S[],
  search: string,
  shown: Shown,
): S[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  return segments.filter((segment) => {
    if (shown === 'archived' && !segment.archived_at) return false
    if (shown === 'active' && segment.archived_at) return false
    const name = segment.name.toLowerCase()
    return words.every((word) => name.includes(word))
  })
}
