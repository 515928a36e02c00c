import { number } from '@/format'
import { useBuilder } from './context'

/** How many customers match a node on its own. */
export function NodeCount({ pointer }: { pointer: string }) {
  const { counts, isStale } = useBuilder()
  const count = counts.get(pointer)
  return (
    <span
      className={`min-w-14 text-right text-sm ${isStale ? 'text-muted opacity-60' : 'text-muted'}`}
      title="Customers who match this part on its own"
    >
      {count === undefined ? '–' : number(count)}
      <span className="sr-only"> customers match this part on its own</span>
    </span>
  )
}
