/**
 * Which actions a campaign's status allows. The API decides; this table only
 * keeps the screen from offering what the API would refuse.
 */
import type { Campaign, CampaignStatus } from './types'

export type CampaignAction =
  'launch' | 'pause' | 'resume' | 'retry' | 'cancel' | 'edit' | 'clone' | 'delete'

const ALLOWED: Record<CampaignStatus, readonly CampaignAction[]> = {
  draft: ['launch', 'edit', 'clone', 'delete'],
  scheduled: ['launch', 'cancel', 'clone'],
  missed: ['launch', 'cancel', 'clone'],
  launching: ['pause', 'cancel', 'clone'],
  sending: ['pause', 'retry', 'cancel', 'clone'],
  paused: ['resume', 'retry', 'cancel', 'clone'],
  completed: ['clone'],
  cancelled: ['clone'],
}

/** The actions that make sense now, the most likely first. */
export function actionsOf(
  campaign: Pick<Campaign, 'status' | 'size' | 'statistics'>,
): readonly CampaignAction[] {
  return ALLOWED[campaign.status].filter(
    (action) => action !== 'retry' || isRetryUseful(campaign),
  )
}

// The API refuses a retry until the audience is resolved. With nothing
// undeliverable it would queue nothing.
function isRetryUseful(campaign: Pick<Campaign, 'size' | 'statistics'>): boolean {
  return campaign.size != null && campaign.statistics.undeliverable > 0
}

/** Returns whether the campaign's counts can still change. */
export function isUnderWay(status: CampaignStatus): boolean {
  return status === 'launching' || status === 'sending' || status === 'paused'
}

/** Returns whether the campaign has ended for good. */
export function hasEnded(status: CampaignStatus): boolean {
  return status === 'completed' || status === 'cancelled'
}

/**
 * Returns whether no count can change any more. A canceled campaign's messages are
 * suppressed one after the other, after its status has changed.
 */
export function isSettled({
  status,
  statistics,
}: Pick<Campaign, 'status' | 'statistics'>) {
  return hasEnded(status) && statistics.pending === 0
}

/** Returns whether the campaign has recipients that can be accounted for. */
export function isLaunched(campaign: Pick<Campaign, 'launch'>): boolean {
  return campaign.launch != null
}
