import { useMutation } from '@tanstack/react-query'
import { api, call } from '@/api/client'
import { useInvalidate } from '@/api/query'
import type { ListedFor } from '@/format'
import { ConfirmDialog } from '@/ui/dialog'
import { toast } from '@/ui/toast'
import type { SuppressedAddress } from './filter'

/** What speaks against sending to an address again. */
const DOUBTS: Partial<Record<ListedFor, string>> = {
  hard_bounce:
    'Its mail provider returned a message for good. Remove it only if the address works again: another hard bounce puts it back.',
  complaint:
    'Its owner marked a message as unwanted. Remove it only if they have asked for messages since.',
  soft_bounces: 'Counting of soft bounces starts over.',
}

export function RemoveDialog({
  target,
  onClose,
}: {
  target: SuppressedAddress
  onClose: () => void
}) {
  const invalidate = useInvalidate()
  const name = target.address ?? target.address_id
  const doubt = target.detail && DOUBTS[target.detail]
  const remove = useMutation({
    mutationFn: () =>
      call(
        api.DELETE('/api/suppressions/{id}', {
          params: { path: { id: target.address_id } },
        }),
      ),
    onSuccess: async () => {
      toast(`${name} is no longer suppressed.`)
      await invalidate('/api/suppressions')
      onClose()
    },
  })
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      onConfirm={() => remove.mutate()}
      title={`Remove ${name} from the list?`}
      confirm="Remove"
      danger
      busy={remove.isPending}
      error={remove.error}
      request={{ method: 'DELETE', path: `/api/suppressions/${target.address_id}` }}
    >
      <p>
        Campaigns send to the address again, unless a customer who has it is unsubscribed.
      </p>
      {doubt && <p>{doubt}</p>}
    </ConfirmDialog>
  )
}
