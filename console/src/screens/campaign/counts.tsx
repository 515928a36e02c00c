/** The figures of a campaign. Each leads to the recipients that it counts. */
import type { ReactNode } from 'react'
import { count, number, percent } from '@/format'
import { ProgressBar, StatTile, StatTiles } from '@/ui/stat'
import { TextLink } from '@/ui/link'
import { recipientsPath } from './paths'
import { hasEnded } from './transitions'
import type { Campaign, MessageStatus } from './types'

export function Counts({ campaign }: { campaign: Campaign }) {
  const { statistics, size } = campaign
  const audience = size?.planned ?? statistics.audience
  const share = (part: number) => `${percent(part, statistics.audience)} of all`
  const link = (label: string, status: MessageStatus) => (
    <TextLink to={recipientsPath(campaign.campaign_id, { status })}>{label}</TextLink>
  )
  return (
    <div className="flex flex-col gap-3">
      <StatTiles>
        <StatTile
          label="Audience"
          value={number(audience)}
          detail={audienceDetail(campaign)}
        />
        <StatTile
          label={link('Pending', 'queued')}
          value={number(statistics.pending)}
          detail="queued, not sent yet"
        />
        <StatTile
          label="Sent"
          value={number(statistics.sent)}
          detail={awaiting(campaign)}
        />
        <StatTile
          label={link('Delivered', 'delivered')}
          value={number(statistics.delivered)}
          detail={share(statistics.delivered)}
          color={statistics.delivered > 0 ? 'good' : 'fg'}
        />
        <StatTile
          label={link('Failed', failedStatus(statistics))}
          value={number(statistics.failed)}
          detail={failed(campaign, share(statistics.failed))}
          color={statistics.failed > 0 ? 'bad' : 'fg'}
        />
        <StatTile
          label={link('Suppressed', 'suppressed')}
          value={number(statistics.suppressed)}
          detail={share(statistics.suppressed)}
          color={statistics.suppressed > 0 ? 'warn' : 'fg'}
        />
        {size && size.undetermined > 0 && (
          <StatTile
            label="Undetermined"
            value={number(size.undetermined)}
            detail="an event is in quarantine"
            color="warn"
          />
        )}
      </StatTiles>
      <ProgressBar
        label="Messages with a result"
        total={Math.max(audience, statistics.audience)}
        parts={[
          { value: statistics.delivered, color: 'good' },
          { value: statistics.sent - statistics.delivered, color: 'accent' },
          { value: statistics.failed, color: 'bad' },
          { value: statistics.suppressed, color: 'warn' },
        ]}
      />
    </div>
  )
}

/** The status of failed messages that most of them have, so that the list is not empty. */
function failedStatus({
  failed,
  bounced,
  rejected,
}: Campaign['statistics']): MessageStatus {
  const counts: [MessageStatus, number][] = [
    ['failed', failed - bounced - rejected],
    ['bounced', bounced],
    ['rejected', rejected],
  ]
  return counts.reduce((most, one) => (one[1] > most[1] ? one : most))[0]
}

function audienceDetail({ size, status }: Campaign): string {
  if (size) return 'planned at the launch'
  return hasEnded(status) ? 'not determined to its end' : 'being determined'
}

// `sent` counts delivered messages, too. The filter `sent` lists those without a receipt.
function awaiting(campaign: Campaign): ReactNode {
  const { awaiting_receipt: receipts, sent, unconfirmed } = campaign.statistics
  if (sent === 0) return 'no message'
  if (receipts === 0 && unconfirmed > 0)
    return (
      <TextLink to={recipientsPath(campaign.campaign_id, { status: 'unconfirmed' })}>
        {number(unconfirmed)} unconfirmed
      </TextLink>
    )
  if (receipts === 0) return 'all have a receipt'
  return (
    <TextLink to={recipientsPath(campaign.campaign_id, { status: 'sent' })}>
      {count(receipts, 'receipt')} to come
    </TextLink>
  )
}

function failed(campaign: Campaign, share: string): ReactNode {
  const { undeliverable } = campaign.statistics
  if (undeliverable === 0) return share
  return (
    <TextLink to={recipientsPath(campaign.campaign_id, { status: 'undeliverable' })}>
      {number(undeliverable)} not handed over
    </TextLink>
  )
}
