/**
 * What a person typed, kept until it is accepted: it survives an error, a reload and an
 * expired session. It lives in the session storage of the tab, so it ends with the tab.
 */
import { useCallback, useRef, useState } from 'react'

const PREFIX = 'patron.kept.'

export function readKept<Value>(key: string): Value | null {
  try {
    const text = sessionStorage.getItem(PREFIX + key)
    return text === null ? null : (JSON.parse(text) as Value)
  } catch {
    // Without storage nothing is kept.
    return null
  }
}

export function keep(key: string, value: unknown) {
  try {
    if (value === null || value === undefined) sessionStorage.removeItem(PREFIX + key)
    else sessionStorage.setItem(PREFIX + key, JSON.stringify(value))
  } catch {
    // Full or forbidden storage must not hinder typing.
  }
}

/** Removes everything that is kept: another person may use this tab next. */
export function forgetAll() {
  try {
    for (const key of Object.keys(sessionStorage)) {
      if (key.startsWith(PREFIX)) sessionStorage.removeItem(key)
    }
  } catch {
    // Without storage nothing is kept.
  }
}

/**
 * State that is kept under a key. `forget` removes it once its content is accepted; the
 * state then is the initial value again.
 */
export function useKept<Value>(
  key: string,
  initial: Value,
): [Value, (next: Value | ((previous: Value) => Value)) => void, forget: () => void] {
  const [held, setHeld] = useState(() => ({
    key,
    value: readKept<Value>(key) ?? initial,
  }))
  // Another key, such as another campaign, has another content.
  const current =
    held.key === key ? held : { key, value: readKept<Value>(key) ?? initial }
  if (current !== held) setHeld(current)
  const latest = useRef(current)
  latest.current = current
  const set = useCallback(
    (next: Value | ((previous: Value) => Value)) => {
      const value =
        typeof next === 'function'
          ? (next as (p: Value) => Value)(latest.current.value)
          : next
      // At once, not when React renders: the page may be left before that.
      keep(key, value)
      latest.current = { key, value }
      setHeld(latest.current)
    },
    [key],
  )
  const forget = useCallback(() => {
    keep(key, null)
    latest.current = { key, value: initial }
    setHeld(latest.current)
  }, [key])
  return [current.value, set, forget]
}
