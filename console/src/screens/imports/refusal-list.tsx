import { count, number } from '@/format'
import { Badge } from '@/ui/badge'
import type { Schemas } from '@/api/client'

/** Reasons of refusals with their numbers, and an example of each. */
export function RefusalList({
  refusals,
}: {
  refusals: readonly Schemas['ImportRefusal'][]
}) {
  return (
    <ul className="flex flex-col divide-y divide-line" aria-label="Refusals">
      {refusals.map((refusal) => (
        <li
          key={`${refusal.line} ${refusal.reason}`}
          className="flex flex-col gap-1.5 py-3 first:pt-0 last:pb-0"
        >
          <p className="flex flex-wrap items-baseline gap-x-2 gap-y-1 wrap-anywhere">
            <Badge color="bad">{count(refusal.count, 'row')}</Badge>
            <span className="min-w-0">{refusal.reason}</span>
            {refusal.pointer && (
              <code className="font-mono text-sm text-muted">{refusal.pointer}</code>
            )}
          </p>
          <Example line={refusal.line} input={refusal.input} />
        </li>
      ))}
    </ul>
  )
}

/** A row as the file has it. */
export function Example({ line, input }: { line: number; input: string }) {
  return (
    <div className="flex min-w-0 items-baseline gap-2 text-sm">
      <span className="shrink-0 text-muted">Line {number(line)}</span>
      <code className="line-clamp-3 min-w-0 rounded bg-sunken px-1.5 font-mono wrap-anywhere whitespace-pre-wrap">
        {input}
      </code>
    </div>
  )
}
