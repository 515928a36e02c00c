import { useMutation } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { useNavigate } from 'react-router'
import { api, call, type Schemas } from '@/api/client'
import { useInvalidate } from '@/api/query'
import { idempotencyKey } from '@/api/idempotency-key'
import { count } from '@/format'
import { useSetRequestedLaunch } from '@/screens/campaign/requested-launch'
import { fromLocalInput } from '@/format/local-time'
import { Button } from '@/ui/button'
import { ConfirmDialog } from '@/ui/dialog'
import { Time } from '@/ui/time'
import { toast } from '@/ui/toast'
import type { DraftForm } from './content'
import type { Autosave } from './use-autosave'

/** The draft is not on the server as it is on the screen, so it must not be launched. */
class NotSavedError extends Error {
  override name = 'NotSavedError'

  constructor() {
    super('The draft could not be saved, so it was not launched. See the steps.')
  }
}

/** Launches the draft after a confirmation that names the number of recipients. */
export function LaunchButton({
  campaign,
  form,
  saving,
  isReady,
  reached,
}: {
  campaign: Schemas['Campaign']
  form: DraftForm
  saving: Autosave
  isReady: boolean
  /** Number of customers who would get it; `undefined` while it is counted. */
  reached: number | undefined
}) {
  const id = campaign.campaign_id
  const [isAsking, setAsking] = useState(false)
  const navigate = useNavigate()
  const setLaunch = useSetRequestedLaunch()
  const invalidate = useInvalidate()
  // One key for one draft: a second try repeats the first one.
  const key = useRef(idempotencyKey())
  const at = form.when === 'later' ? fromLocalInput(form.at) : null
  const people = reached === undefined ? null : count(reached, 'customer')

  const launch = useMutation({
    mutationFn: async () => {
      if (!(await saving.flush())) throw new NotSavedError()
      const params = { path: { id }, header: { 'Idempotency-Key': key.current } }
      return call(api.POST('/api/campaigns/{id}/launch', { params }))
    },
    onSuccess: async (launched) => {
      setAsking(false)
      setLaunch(id, { from: campaign.status, to: launched.status })
      toast(
        launched.status === 'scheduled'
          ? `“${form.name}” is scheduled.`
          : `“${form.name}” is launched.`,
      )
      await navigate(`/campaigns/${encodeURIComponent(id)}`)
      await invalidate('/api/campaigns', '/api/segments')
    },
  })

  return (
    <>
      <Button
        kind="primary"
        icon={at ? 'clock' : 'play'}
        disabled={!isReady}
        onClick={() => {
          launch.reset()
          setAsking(true)
        }}
      >
        {at ? 'Schedule' : 'Launch'}
      </Button>
      <ConfirmDialog
        open={isAsking}
        onClose={() => setAsking(false)}
        onConfirm={() => launch.mutate()}
        title={at ? `Schedule “${form.name}”?` : `Launch “${form.name}”?`}
        confirm={confirmText(at !== null, people)}
        busy={launch.isPending}
        error={launch.error}
        request={{ method: 'POST', path: `/api/campaigns/${id}/launch` }}
      >
        <p>
          {at ? (
            <>
              It starts by itself on <Time at={at} zone />. Now it would reach{' '}
              <strong className="font-semibold">{people ?? 'its audience'}</strong>; the
              recipients are fixed when it starts.
            </>
          ) : (
            <>
              By the last count,{' '}
              <strong className="font-semibold">{people ?? 'its audience'}</strong> would
              get the message. The recipients and the text are fixed now; a message that
              cannot be written is suppressed.
            </>
          )}
        </p>
        <p className="text-muted">
          {at
            ? 'A scheduled campaign can be canceled, but no longer changed.'
            : 'A message that was sent cannot be taken back. What is not sent yet can be paused or canceled.'}
        </p>
      </ConfirmDialog>
    </>
  )
}

function confirmText(isScheduled: boolean, people: string | null): string {
  const verb = isScheduled ? 'Schedule' : 'Launch'
  return people ? `${verb} for ${people}` : verb
}
