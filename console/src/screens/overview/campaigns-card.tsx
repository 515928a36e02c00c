import { useApi } from '@/api/query'
import type { Schemas } from '@/api/client'
import { useMay } from '@/app/use-session'
import { number, percent } from '@/format'
import { CampaignStatusBadge } from '@/ui/badge'
import { ButtonLink } from '@/ui/button'
import { TextLink } from '@/ui/link'
import { Card } from '@/ui/page'
import { ProgressBar } from '@/ui/stat'
import { Read } from '@/ui/state'
import { Time } from '@/ui/time'

type Campaign = Schemas['Campaign']

const UNDER_WAY: Campaign['status'][] = ['scheduled', 'launching', 'sending', 'paused']

/** Campaigns that are under way, or the latest ones if none is. */
export function CampaignsCard() {
  const changes = useMay('change campaigns')
  const campaigns = useApi(
    '/api/campaigns',
    { params: { query: { limit: 50 } } },
    { refetchInterval: 5_000 },
  )
  return (
    <Card
      title="Campaigns"
      actions={
        <>
          <TextLink to="/campaigns" className="text-sm touch:py-3">
            All campaigns
          </TextLink>
          {changes && (
            <ButtonLink small icon="plus" to="/campaigns/new">
              New campaign
            </ButtonLink>
          )}
        </>
      }
    >
      <Read query={campaigns} lines={4}>
        {({ items }) => {
          const active = items.filter((one) => UNDER_WAY.includes(one.status))
          const latest = items.filter((one) => one.launched_at).slice(0, 3)
          if (items.length === 0) {
            return <p className="text-muted">There are no campaigns yet.</p>
          }
          return (
            <>
              {active.length === 0 && (
                <p className="pb-1 text-muted">
                  No campaign is under way.{latest.length > 0 && ' The latest ones:'}
                </p>
              )}
              <ul className="flex flex-col">
                {(active.length > 0 ? active : latest).map((campaign) => (
                  <Row key={campaign.campaign_id} campaign={campaign} />
                ))}
              </ul>
            </>
          )
        }}
      </Read>
    </Card>
  )
}

function Row({ campaign }: { campaign: Campaign }) {
  const { statistics } = campaign
  const done = statistics.audience - statistics.pending
  return (
    <li className="flex flex-col gap-1.5 border-b border-line py-2.5 last:border-0 last:pb-0">
      <div className="flex items-baseline justify-between gap-3">
        <TextLink
          to={`/campaigns/${campaign.campaign_id}`}
          className="min-w-0 font-medium wrap-anywhere"
        >
          {campaign.name}
        </TextLink>
        <CampaignStatusBadge status={campaign.status} />
      </div>
      {statistics.audience > 0 ? (
        <>
          <ProgressBar
            label={`Progress of ${campaign.name}`}
            total={statistics.audience}
            parts={[
              { value: statistics.sent, color: 'good' },
              { value: statistics.failed, color: 'bad' },
              { value: statistics.suppressed, color: 'warn' },
            ]}
          />
          <p className="text-sm text-muted">
            {number(done)} of {number(statistics.audience)} (
            {percent(done, statistics.audience)}): {number(statistics.sent)} sent,{' '}
            {number(statistics.failed)} failed, {number(statistics.suppressed)} suppressed
          </p>
        </>
      ) : (
        campaign.scheduled_at && (
          <p className="text-sm text-muted">
            Scheduled for <Time at={campaign.scheduled_at} />
          </p>
        )
      )}
    </li>
  )
}
