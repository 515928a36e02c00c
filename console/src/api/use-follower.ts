import { useEffect, useRef, useState } from 'react'
import {
  type Connection,
  EventFollower,
  type Followed,
  type Polled,
} from './event-follower'

export type { Connection, Followed }

/** An event stream; `url` identifies it. */
export interface FollowedSource<T> {
  url: string
  parse: (data: string) => T
  poll: (signal: AbortSignal) => Promise<Polled<T>>
  /** Called with every value. */
  onValue?: (value: T) => void
}

const CONNECTING: Followed<never> = { value: null, connection: 'connecting', error: null }

/**
 * Follows an event stream while the component is mounted and the page is visible; `null`
 * follows nothing. The stream of a hidden page is closed, since browsers allow only six
 * connections to a server.
 */
export function useFollower<T>(source: FollowedSource<T> | null): Followed<T> {
  const latest = useRef(source)
  latest.current = source
  const url = source?.url ?? null
  const [followed, setFollowed] = useState<{ url: string; state: Followed<T> } | null>(
    null,
  )

  useEffect(() => {
    if (url === null) return
    const follower = new EventFollower<T>({
      url,
      parse: (data) => current(latest.current).parse(data),
      poll: (signal) => current(latest.current).poll(signal),
      onChange: (state) => {
        setFollowed({ url, state })
        if (state.value !== null) latest.current?.onValue?.(state.value)
      },
    })
    const followVisibility = () => {
      if (document.visibilityState === 'hidden') follower.stop()
      else follower.start()
    }
    followVisibility()
    document.addEventListener('visibilitychange', followVisibility)
    return () => {
      document.removeEventListener('visibilitychange', followVisibility)
      follower.stop()
    }
  }, [url])

  // The state of another stream says nothing about this one.
  return followed !== null && followed.url === url ? followed.state : CONNECTING
}

function current<T>(source: FollowedSource<T> | null): FollowedSource<T> {
  if (!source) throw new Error('The stream is closed.')
  return source
}
