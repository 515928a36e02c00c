/** What became of a merge, in sentences. */
import { count } from '@/format'

/** The result of a job that merged two customers. What a server does not count is absent. */
export interface MergeResult {
  into: string
  orders: number
  activities?: number
  /** Orders of which the target had one with the same id, or their number. */
  kept_orders?: number | string[]
  /** Fields that the target could not take over, such as `attributes.size`. */
  left_out?: string[]
}

export function mergeSentences({
  orders,
  activities,
  into,
  kept_orders: kept = 0,
  left_out: left = [],
}: MergeResult): string[] {
  const activity =
    activities === undefined
      ? 'all activity'
      : count(activities, 'activity', 'activities')
  const keptCount = typeof kept === 'number' ? kept : kept.length
  const sentences = [`${count(orders, 'order')} and ${activity} moved to ${into}.`]
  if (keptCount > 0) {
    const named = typeof kept === 'number' ? '' : `: ${kept.join(', ')}`
    sentences.push(
      `${count(keptCount, 'order')} of the same id stayed as ${into} had ${keptCount === 1 ? 'it' : 'them'}${named}.`,
    )
  }
  if (left.length > 0) {
    sentences.push(`${into} has no room for ${left.join(', ')}.`)
  }
  return sentences
}
