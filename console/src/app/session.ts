/**
 * Whether the session is over, as the API says with a 401. The open screen stays as it is,
 * with everything typed into it, until the person has signed in again.
 */
import { useSyncExternalStore } from 'react'

type State = 'open' | 'ended'

let state: State = 'open'
const listeners = new Set<() => void>()

function become(next: State) {
  if (next === state) return
  state = next
  for (const listener of listeners) listener()
}

export const session = {
  ended: () => become('ended'),
  opened: () => become('open'),
}

export function useSessionState(): State {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => state,
  )
}
