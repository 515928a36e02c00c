/**
 * Keeps a draft on the server in step with the form. One request is on its way at a time.
 * A field that is refused does not hold back the others, and is not sent again as it is.
 */
import { useCallback, useEffect, useReducer, useRef, useState } from 'react'
import { api, call } from '@/api/client'
import { ApiError, isTemporary } from '@/api/error'
import { useInvalidate } from '@/api/query'
import { keep } from '@/app/kept'
import { useSessionState } from '@/app/session'
import {
  accept,
  changeOf,
  type DraftForm,
  isSaved,
  refuse,
  type SaveState,
  toSend,
} from './content'
import { keptDraftKey } from './kept-draft'

const PAUSE = 700

export interface Autosave {
  state: SaveState
  isSaving: boolean
  /** Why saving stopped; `null` while it works. Refused fields do not stop it. */
  failure: unknown
  /** Saves what is not saved yet. Resolves to true if the server has all of the form. */
  flush: () => Promise<boolean>
}

export function useAutosave(id: string, form: DraftForm, initial: SaveState): Autosave {
  const [state, setState] = useState(initial)
  const [isSaving, setSaving] = useState(false)
  const [failure, setFailure] = useState<unknown>(null)
  const [attempt, tryAgain] = useReducer((n: number) => n + 1, 0)
  const failures = useRef(0)
  const running = useRef<Promise<void> | null>(null)
  const now = useRef({ form, state })
  now.current.form = form
  const invalidate = useInvalidate()
  const sessionState = useSessionState()

  const run = useCallback(async () => {
    const become = (next: SaveState) => {
      now.current.state = next
      setState(next)
      const { form } = now.current
      keep(keptDraftKey(id), isSaved(form, next) ? null : form)
    }
    setSaving(true)
    setFailure(null)
    try {
      for (;;) {
        const { form, state } = now.current
        const fields = toSend(form, state)
        if (fields.length === 0) break
        try {
          // The generated type cannot express that a change has either form of an audience
          // or none.
          const body = changeOf(form, fields) as never
          await call(api.PATCH('/api/campaigns/{id}', { params: { path: { id } }, body }))
          become(accept(now.current.state, form, fields))
        } catch (error) {
          const errors = error instanceof ApiError ? error.errors : []
          const next = refuse(now.current.state, form, fields, errors)
          if (!next) throw error
          become(next)
        }
      }
      failures.current = 0
    } catch (error) {
      failures.current += 1
      setFailure(error)
    } finally {
      setSaving(false)
      running.current = null
    }
    await invalidate('/api/campaigns')
  }, [id, invalidate])

  const flush = useCallback(async () => {
    const { form, state } = now.current
    if (toSend(form, state).length > 0 || running.current) {
      running.current ??= run()
      await running.current
    }
    return isSaved(now.current.form, now.current.state)
  }, [run])

  // Typing is followed after a pause, a failure that may pass after a longer one.
  const text = JSON.stringify(form)
  useEffect(() => {
    const { form, state } = now.current
    keep(keptDraftKey(id), isSaved(form, state) ? null : form)
    if (sessionState === 'ended' || toSend(form, state).length === 0) return
    const timer = setTimeout(() => void flush(), PAUSE)
    return () => clearTimeout(timer)
  }, [id, text, attempt, sessionState, flush])

  useEffect(() => {
    if (!isTemporary(failure)) return
    const timer = setTimeout(tryAgain, Math.min(2_000 * 2 ** failures.current, 30_000))
    return () => clearTimeout(timer)
  }, [failure])

  // What is typed last is saved even if the screen is left at once.
  useEffect(() => () => void flush(), [flush])

  return { state, isSaving, failure, flush }
}
