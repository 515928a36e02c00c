/** What can be done with a campaign, as its status and the role allow. */
import { useState } from 'react'
import { useNavigate } from 'react-router'
import { type ScreenAction, useScreenActions } from '@/app/actions'
import { useMay } from '@/app/use-session'
import { count, number } from '@/format'
import { Button, ButtonLink, buttonClass } from '@/ui/button'
import { editPath, useDraftActions } from '@/screens/campaigns/draft-actions'
import { ConfirmDialog } from '@/ui/dialog'
import { Icon, type IconName } from '@/ui/icon'
import { Menu, type MenuItem } from '@/ui/menu'
import { LaunchDialog } from './launch-dialog'
import { type CampaignAction, actionsOf } from './transitions'
import type { Campaign } from './types'
import type { Steering } from './use-steering'

type Asked = 'launch' | 'cancel'

const ICONS: Record<CampaignAction, IconName> = {
  launch: 'play',
  pause: 'pause',
  resume: 'play',
  retry: 'refresh',
  cancel: 'close',
  edit: 'edit',
  clone: 'copy',
  delete: 'trash',
}

/** These stand in a menu: they are rare. */
const RARE: readonly CampaignAction[] = ['cancel', 'clone', 'delete']

export function CampaignActions({
  campaign,
  steering,
}: {
  campaign: Campaign
  steering: Steering
}) {
  const mayChange = useMay('change campaigns')
  return mayChange ? <OfferedActions campaign={campaign} steering={steering} /> : null
}

function OfferedActions({
  campaign,
  steering,
}: {
  campaign: Campaign
  steering: Steering
}) {
  const navigate = useNavigate()
  const [asked, setAsked] = useState<Asked | null>(null)
  const offered = actionsOf(campaign)
  const drafts = useDraftActions()
  const composer = editPath(campaign.campaign_id)

  function run(action: CampaignAction) {
    switch (action) {
      case 'pause':
      case 'resume':
      case 'retry':
        return steering.steer(action)
      case 'edit':
        return void navigate(composer)
      case 'clone':
        return drafts.clone(campaign)
      case 'delete':
        return drafts.remove(campaign)
      default:
        setAsked(action)
    }
  }

  useScreenActions(
    offered.map((action): ScreenAction => {
      const label = `${labelOf(action, campaign)}: ${campaign.name}`
      return { id: action, label, icon: ICONS[action], run: () => run(action) }
    }),
  )

  const close = () => setAsked(null)
  const frequent = offered.filter((action) => !RARE.includes(action))
  const rare = offered.filter((action) => RARE.includes(action))
  return (
    <>
      {frequent.map((action) =>
        action === 'edit' ? (
          <ButtonLink key={action} to={composer} icon="edit">
            Edit
          </ButtonLink>
        ) : (
          <Button
            key={action}
            kind={action === 'launch' || action === 'resume' ? 'primary' : 'secondary'}
            icon={ICONS[action]}
            busy={steering.busy === action}
            disabled={steering.busy !== null}
            onClick={() => run(action)}
          >
            {labelOf(action, campaign)}
          </Button>
        ),
      )}
      {rare.length > 0 && (
        <Menu
          label="More actions"
          button={<Icon name="more" />}
          buttonClass={buttonClass()}
          items={rare.map((action): MenuItem => ({
            label: labelOf(action, campaign),
            icon: ICONS[action],
            danger: action !== 'clone',
            disabled: action === 'clone' && drafts.isCloning,
            onSelect: () => run(action),
          }))}
        />
      )}
      {drafts.dialog}
      <LaunchDialog
        campaign={campaign}
        open={asked === 'launch'}
        onClose={close}
        onConfirm={() => {
          close()
          steering.steer('launch')
        }}
      />
      <CancelDialog
        campaign={campaign}
        open={asked === 'cancel'}
        onClose={close}
        onConfirm={() => {
          close()
          steering.steer('cancel')
        }}
      />
    </>
  )
}

function labelOf(action: CampaignAction, campaign: Campaign): string {
  switch (action) {
    case 'launch':
      return campaign.status === 'draft' ? 'Launch' : 'Launch now'
    case 'pause':
      return 'Pause'
    case 'resume':
      return 'Resume'
    case 'retry':
      return `Retry ${number(campaign.statistics.undeliverable)}`
    case 'cancel':
      return 'Cancel campaign'
    case 'edit':
      return 'Edit'
    case 'clone':
      return 'Clone'
    case 'delete':
      return 'Delete draft'
  }
}

function CancelDialog({
  campaign,
  open,
  onClose,
  onConfirm,
}: {
  campaign: Campaign
  open: boolean
  onClose: () => void
  onConfirm: () => void
}) {
  const { pending, undeliverable } = campaign.statistics
  const unsent = pending + undeliverable
  return (
    <ConfirmDialog
      open={open}
      onClose={onClose}
      onConfirm={onConfirm}
      title={`Cancel “${campaign.name}”?`}
      confirm="Cancel campaign"
      dismiss="Keep it"
      request={{ method: 'POST', path: `/api/campaigns/${campaign.campaign_id}/cancel` }}
      danger
    >
      <p>
        {unsent > 0
          ? `${count(unsent, 'message')} will never be sent.`
          : 'Messages that were not sent yet will never be sent.'}{' '}
        This cannot be undone. What was sent stays sent, and receipts are still recorded.
      </p>
    </ConfirmDialog>
  )
}
