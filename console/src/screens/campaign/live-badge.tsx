import type { Connection } from '@/api/use-follower'
import { Badge } from '@/ui/badge'

/** Says how current the figures are. Nothing is said once they are final. */
export function LiveBadge({ connection }: { connection: Connection }) {
  return (
    <span role="status" className="inline-flex">
      <LiveText connection={connection} />
    </span>
  )
}

function LiveText({ connection }: { connection: Connection }) {
  switch (connection) {
    case 'live':
      return (
        <Badge color="good" title="The figures change as it happens.">
          <span
            className="size-1.5 rounded-full bg-current motion-safe:animate-pulse"
            aria-hidden="true"
          />
          Live
        </Badge>
      )
    case 'connecting':
      return <Badge title="The event stream is being opened.">Connecting…</Badge>
    case 'polling':
      return (
        <Badge
          color="warn"
          title="The event stream is interrupted. The figures are read again every few seconds until it is back."
        >
          Not live: updated every few seconds
        </Badge>
      )
    case 'offline':
      return (
        <Badge
          color="bad"
          title="The server does not answer. The console keeps trying to reach it."
        >
          Not live: the server does not answer
        </Badge>
      )
    case 'ended':
      return null
  }
}
