/** The filter of the list of campaigns, as the URL has it. */
import type { Schemas } from '@/api/client'

export interface CampaignFilter {
  /** Words of the name or of a tag. */
  text: string
  /** A status, or one of the groups below; empty for all. */
  status: string
}

type Status = Schemas['CampaignStatus']

export const STATUS_GROUPS: { value: string; label: string; statuses: Status[] }[] = [
  { value: 'draft', label: 'Drafts', statuses: ['draft'] },
  { value: 'scheduled', label: 'Scheduled', statuses: ['scheduled'] },
  {
    value: 'active',
    label: 'Under way',
    statuses: ['launching', 'sending', 'paused'],
  },
  { value: 'completed', label: 'Completed', statuses: ['completed'] },
  { value: 'stopped', label: 'Canceled or missed', statuses: ['cancelled', 'missed'] },
]

export function isFiltered({ text, status }: CampaignFilter): boolean {
  return text.trim() !== '' || status !== ''
}

/** Returns true if a campaign passes the filter. */
export function passes(
  campaign: { name: string; tags: string[]; status: Status },
  { text, status }: CampaignFilter,
): boolean {
  const group = STATUS_GROUPS.find((one) => one.value === status)
  const statuses: readonly string[] = group?.statuses ?? [status]
  if (status && !statuses.includes(campaign.status)) return false
  const content = [campaign.name, ...campaign.tags].join('\n').toLowerCase()
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => content.includes(word))
}

/** Returns true if the numbers of a campaign may change at any moment. */
export function isLive(status: Status): boolean {
  return status === 'launching' || status === 'sending'
}
