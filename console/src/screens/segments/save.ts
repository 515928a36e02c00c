/** Saves a segment, unless somebody else saved it since the edit began. */
import { useMutation } from '@tanstack/react-query'
import { useRef } from 'react'
import { api, call, type Schemas } from '@/api/client'
import { useInvalidate } from '@/api/query'
import { idempotencyKey } from '@/api/idempotency-key'
import { bodyOf, type Segment, type SegmentEdit } from './edit-state'

/** The segment has another version than the edit began with. */
export class ChangedMeanwhile extends Error {
  override name = 'ChangedMeanwhile'

  constructor(readonly current: Segment) {
    super(`${current.updated_by} changed this segment.`)
  }
}

export interface Save {
  edit: SegmentEdit
  /** Replaces what somebody else saved meanwhile. */
  overwrite?: boolean
}

export function useSaveSegment(id: string | null, onSaved: (segmentId: string) => void) {
  const invalidate = useInvalidate()
  const attempt = useRef<{ content: string; key: string } | null>(null)
  return useMutation({
    mutationFn: async ({ edit, overwrite = false }: Save) => {
      const body = bodyOf(edit)
      if (id === null) return create(body, keyFor(attempt, JSON.stringify(body)))
      if (!overwrite) await requireVersion(id, edit.version)
      return call(api.PUT('/api/segments/{id}', { params: { path: { id } }, body }))
    },
    onSuccess: async ({ segment_id }) => {
      await invalidate('/api/segments')
      onSaved(segment_id)
    },
  })
}

async function requireVersion(id: string, version: number | null) {
  const current = await call(api.GET('/api/segments/{id}', { params: { path: { id } } }))
  if (current.version !== version) throw new ChangedMeanwhile(current)
}

function create(body: Schemas['SegmentIn'], key: string) {
  const params = { header: { 'Idempotency-Key': key } }
  return call(api.POST('/api/segments', { params, body }))
}

/** The same content gets the same key, so that a repeated attempt makes no second segment. */
function keyFor(
  attempt: React.RefObject<{ content: string; key: string } | null>,
  content: string,
): string {
  if (attempt.current?.content !== content) {
    attempt.current = { content, key: idempotencyKey() }
  }
  return attempt.current?.key ?? content
}
