/**
 * Cloning a campaign and deleting a draft, for every screen that lists or shows one.
 *
 * `const drafts = useDraftActions()` gives `drafts.clone(campaign)` and
 * `drafts.remove(campaign)`; the screen draws `drafts.dialog` once.
 */
import { useMutation } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { useNavigate } from 'react-router'
import { api, call, type Schemas } from '@/api/client'
import { useInvalidate } from '@/api/query'
import { keep } from '@/app/kept'
import { ConfirmDialog } from '@/ui/dialog'
import { describeError } from '@/ui/problem'
import { toast } from '@/ui/toast'
import { keptDraftKey } from './kept-draft'

/** As much of a campaign as the actions need. */
export interface CampaignRef {
  campaign_id: string
  name: string
}

export interface DraftActions {
  /** Creates a draft with the same content, and opens it. */
  clone: (campaign: CampaignRef) => void
  /** Asks, and deletes the draft. */
  remove: (campaign: CampaignRef) => void
  /** True while a clone is being made. */
  isCloning: boolean
  /** The dialogs of the actions. */
  dialog: ReactNode
}

/** Returns true if a campaign can be changed and deleted. */
export function isDraft(campaign: { status: Schemas['CampaignStatus'] }): boolean {
  return campaign.status === 'draft'
}

export function useDraftActions({
  onRemoved,
}: {
  /** Called after a draft was deleted; the default opens the list of campaigns. */
  onRemoved?: (campaign: CampaignRef) => void
} = {}): DraftActions {
  const navigate = useNavigate()
  const invalidate = useInvalidate()
  const [asked, setAsked] = useState<CampaignRef | null>(null)

  const clone = useMutation({
    mutationFn: ({ campaign_id }: CampaignRef) =>
      call(
        api.POST('/api/campaigns/{id}/clone', { params: { path: { id: campaign_id } } }),
      ),
    onSuccess: async (created) => {
      await invalidate('/api/campaigns')
      toast(`“${created.name}” is a new draft.`)
      await navigate(editPath(created.campaign_id))
    },
    onError: (error, campaign) => toastError(`“${campaign.name}” was not cloned`, error),
  })

  const remove = useMutation({
    mutationFn: ({ campaign_id }: CampaignRef) =>
      call(api.DELETE('/api/campaigns/{id}', { params: { path: { id: campaign_id } } })),
    onSuccess: async (_, campaign) => {
      setAsked(null)
      keep(keptDraftKey(campaign.campaign_id), null)
      toast(`The draft “${campaign.name}” was deleted.`)
      if (onRemoved) onRemoved(campaign)
      else await navigate('/campaigns')
      await invalidate('/api/campaigns', '/api/segments')
    },
  })

  return {
    clone: (campaign) => clone.mutate(campaign),
    remove: (campaign) => {
      remove.reset()
      setAsked(campaign)
    },
    isCloning: clone.isPending,
    dialog: (
      <ConfirmDialog
        open={asked !== null}
        onClose={() => setAsked(null)}
        onConfirm={() => asked && remove.mutate(asked)}
        title={`Delete the draft “${asked?.name ?? ''}”?`}
        confirm="Delete draft"
        danger
        busy={remove.isPending}
        error={remove.error}
      >
        <p>
          Its content is lost for everyone. It was not launched, so nobody got a message.
        </p>
      </ConfirmDialog>
    ),
  }
}

export function editPath(id: string, step?: string): string {
  const path = `/campaigns/${encodeURIComponent(id)}/edit`
  return step ? `${path}?step=${step}` : path
}

function toastError(what: string, error: unknown) {
  const { detail, requestId } = describeError(error)
  toast(`${what}. ${detail}${requestId ? ` (request ${requestId})` : ''}`, 'bad')
}
