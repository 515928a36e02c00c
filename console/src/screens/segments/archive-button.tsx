import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { api, call } from '@/api/client'
import { ApiError } from '@/api/error'
import { useInvalidate } from '@/api/query'
import { useScreenActions } from '@/app/actions'
import { Button } from '@/ui/button'
import { ConfirmDialog } from '@/ui/dialog'
import { toast } from '@/ui/toast'
import type { Segment } from './edit-state'
import { HolderList } from './holders'

/** Archives a segment after a confirmation. While campaigns hold it, they are named. */
export function ArchiveButton({ segment }: { segment: Segment }) {
  const [asks, setAsks] = useState(false)
  const invalidate = useInvalidate()
  const navigate = useNavigate()
  const id = segment.segment_id
  const archive = useMutation({
    mutationFn: () =>
      call(api.DELETE('/api/segments/{id}', { params: { path: { id } } })),
    onSuccess: async () => {
      toast(`${segment.name} was archived.`)
      await invalidate('/api/segments')
      void navigate('/segments')
    },
    // What holds it may be news to this page.
    onError: () => invalidate('/api/segments'),
  })
  const ask = () => {
    archive.reset()
    setAsks(true)
  }
  useScreenActions([
    { id: 'archive', label: 'Archive the segment', icon: 'trash', run: ask },
  ])
  const isHeld = archive.error instanceof ApiError && archive.error.status === 409
  return (
    <>
      <Button icon="trash" onClick={ask}>
        Archive
      </Button>
      <ConfirmDialog
        open={asks}
        onClose={() => setAsks(false)}
        onConfirm={() => archive.mutate()}
        title={`Archive ${segment.name}?`}
        confirm="Archive segment"
        danger
        busy={archive.isPending}
        error={archive.error}
      >
        <p>
          An archived segment can still be read, but it can no longer be changed, counted
          or used in a campaign. This cannot be undone.
        </p>
        {(isHeld || segment.held_by.length > 0) && (
          <div>
            <p className="mb-1 font-medium">
              It cannot be archived while these campaigns need it:
            </p>
            <HolderList ids={segment.held_by} />
          </div>
        )}
      </ConfirmDialog>
    </>
  )
}
