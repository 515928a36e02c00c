import { useMay } from '@/app/use-session'
import { count, number } from '@/format'
import { editPath } from '@/screens/campaigns/draft-actions'
import { Tag } from '@/ui/badge'
import { ButtonLink } from '@/ui/button'
import { Card, Definitions, None } from '@/ui/page'
import { EmptyState } from '@/ui/state'
import { Time } from '@/ui/time'
import { AssistanceCard } from './assistance'
import { AudienceValue } from './audience-value'
import { Counts } from './counts'
import { CourseChart } from './course-chart'
import { Results, Suppressions } from './reason-cards'
import { isLaunched } from './transitions'
import type { Campaign } from './types'

export function SummaryTab({ campaign }: { campaign: Campaign }) {
  const mayChange = useMay('change campaigns')
  const launched = isLaunched(campaign)
  return (
    <div className="flex flex-col gap-4">
      {launched ? (
        <>
          <Counts campaign={campaign} />
          <CourseChart campaign={campaign} />
        </>
      ) : (
        <Card>
          <NotLaunched campaign={campaign} />
        </Card>
      )}
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Details campaign={campaign} />
        <div className="flex flex-col gap-4">
          <Results campaign={campaign} />
          <Suppressions campaign={campaign} />
          {launched && mayChange && <AssistanceCard campaign={campaign} />}
        </div>
      </div>
    </div>
  )
}

/** Why there are no figures yet, and what to do. */
export function NotLaunched({ campaign }: { campaign: Campaign }) {
  const mayChange = useMay('change campaigns')
  switch (campaign.status) {
    case 'scheduled':
      return (
        <EmptyState icon="clock" title="Not launched yet">
          The campaign starts by itself at <Time at={campaign.scheduled_at} zone />. Its
          recipients are fixed then.
        </EmptyState>
      )
    case 'launching':
      return (
        <EmptyState icon="clock" title="Launching">
          The recipients are being fixed. Figures appear here in a moment.
        </EmptyState>
      )
    case 'cancelled':
      return (
        <EmptyState icon="campaigns" title="Never launched">
          The campaign was canceled before its launch, so nobody got a message.
        </EmptyState>
      )
    case 'missed':
      return (
        <EmptyState icon="warning" title="Not launched">
          No worker ran at <Time at={campaign.scheduled_at} zone />, so nobody got a
          message.
        </EmptyState>
      )
    default:
      return (
        <EmptyState
          icon="campaigns"
          title="A draft: nobody has got a message"
          actions={
            mayChange && (
              <ButtonLink to={editPath(campaign.campaign_id)} icon="edit">
                Continue the draft
              </ButtonLink>
            )
          }
        >
          Figures, recipients and accounts appear here after the launch.
        </EmptyState>
      )
  }
}

function Details({ campaign }: { campaign: Campaign }) {
  const { statistics } = campaign
  return (
    <Card title="Details">
      <Definitions
        items={[
          { term: 'Audience', value: <AudienceValue campaign={campaign} /> },
          { term: 'Tags', value: <Tags tags={campaign.tags} /> },
          {
            term: 'Speed',
            value: campaign.messages_per_second
              ? `at most ${count(campaign.messages_per_second, 'message')} per second`
              : 'as fast as the vendor accepts',
          },
          {
            term: 'Scheduled for',
            value: <Time at={campaign.scheduled_at} zone />,
            hidden: !campaign.scheduled_at,
          },
          {
            term: 'Launched',
            value: <Time at={campaign.launched_at} precise />,
            hidden: !campaign.launched_at,
          },
          {
            term: campaign.status === 'cancelled' ? 'Canceled' : 'Completed',
            value: <Time at={campaign.ended_at} precise />,
            hidden: !campaign.ended_at,
          },
          {
            term: 'Last message event',
            value: <Time at={statistics.last_at} precise />,
            hidden: !statistics.last_at,
          },
          {
            term: 'Awaiting receipts',
            value: number(statistics.awaiting_receipt),
            hidden: statistics.awaiting_receipt === 0,
          },
          {
            term: 'Opened',
            value: number(statistics.opened),
            hidden: statistics.opened === 0,
          },
          {
            term: 'Links followed',
            value: number(statistics.clicked),
            hidden: statistics.clicked === 0,
          },
          {
            term: 'Refused receipts',
            value: number(statistics.refused_receipts),
            hidden: statistics.refused_receipts === 0,
          },
          { term: 'Created', value: <Time at={campaign.created_at} precise /> },
          {
            term: 'Created by',
            value: <code className="font-mono">{campaign.created_by}</code>,
          },
          {
            term: 'Id',
            value: <code className="font-mono">{campaign.campaign_id}</code>,
          },
        ]}
      />
    </Card>
  )
}

function Tags({ tags }: { tags: readonly string[] }) {
  if (tags.length === 0) return <None />
  return (
    <span className="flex flex-wrap gap-1">
      {tags.map((tag) => (
        <Tag key={tag}>{tag}</Tag>
      ))}
    </span>
  )
}
