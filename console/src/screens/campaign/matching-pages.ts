/**
 * Pages of the rows that match a filter which the API does not have.
 *
 * The pages of the API are read until enough rows match, so a page on the screen
 * is never short by accident; a limit per page keeps each wait bounded.
 */

export interface Page<T> {
  items: T[]
  next_cursor?: string | null
}

export interface MatchingPage<T> extends Page<T> {
  /** Number of rows that were read to find the items. */
  scanned: number
}

export interface MatchingOptions<T> {
  read: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>
  matches: (item: T) => boolean
  /** Stops when at least this many rows match … */
  wanted: number
  /** … or this many pages of the API were read. */
  mostReads: number
}

export async function readMatching<T>(
  cursor: string | undefined,
  signal: AbortSignal,
  { read, matches, wanted, mostReads }: MatchingOptions<T>,
): Promise<MatchingPage<T>> {
  const items: T[] = []
  let scanned = 0
  let next: string | null | undefined = cursor
  for (let reads = 0; reads < mostReads; reads += 1) {
    const page: Page<T> = await read(next ?? undefined, signal)
    scanned += page.items.length
    items.push(...page.items.filter(matches))
    next = page.next_cursor
    if (!next || items.length >= wanted) break
  }
  return { items, next_cursor: next ?? null, scanned }
}
