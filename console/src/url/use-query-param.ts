/**
 * State in the URL, so that every view is a link. A parameter with its default value is
 * not in the URL.
 */
import { useCallback } from 'react'
import { useSearchParams } from 'react-router'

export interface SetOptions {
  /** Adds an entry to the history, so that the back button undoes the change. */
  push?: boolean
}

/**
 * One parameter. `drop` names parameters that lose their meaning when this one changes,
 * such as a cursor.
 */
export function useQueryParam(
  name: string,
  fallback = '',
  drop: readonly string[] = [],
): [string, (value: string | null, options?: SetOptions) => void] {
  const [params, setParams] = useSearchParams()
  const set = useCallback(
    (value: string | null, { push = false }: SetOptions = {}) => {
      setParams(
        (previous) => {
          const next = new URLSearchParams(previous)
          for (const other of drop) next.delete(other)
          if (value === null || value === fallback) next.delete(name)
          else next.set(name, value)
          return next
        },
        // A controlled input would jump back if the URL changed in a transition.
        { replace: !push, preventScrollReset: true, flushSync: true },
      )
    },
    [setParams, name, fallback, drop.join()],
  )
  return [params.get(name) ?? fallback, set]
}

/** Several parameters at once; `null` or `''` removes one. */
export function useSetQueryParams() {
  const [, setParams] = useSearchParams()
  return useCallback(
    (changes: Record<string, string | null>, { push = false }: SetOptions = {}) => {
      setParams(
        (previous) => {
          const next = new URLSearchParams(previous)
          for (const [name, value] of Object.entries(changes)) {
            if (value) next.set(name, value)
            else next.delete(name)
          }
          return next
        },
        { replace: !push, preventScrollReset: true, flushSync: true },
      )
    },
    [setParams],
  )
}
