/** One campaign: a summary that follows it live, its recipients, its message, its accounts. */
import { useParams } from 'react-router'
import { useMay } from '@/app/use-session'
import { Component as NotFound } from '@/app/not-found'
import { CampaignStatusBadge } from '@/ui/badge'
import { CopyCurl } from '@/ui/copy'
import { PageHeader, Tabs } from '@/ui/page'
import { Read } from '@/ui/state'
import { Problem } from '@/ui/problem'
import { CampaignActions } from './actions'
import { LiveBadge } from './live-badge'
import { MessageTab } from './message-tab'
import { Notices } from './notices'
import { campaignPath, historyPath } from './paths'
import { launchedStatus } from './requested-launch'
import { RecipientsTab } from './recipients-tab'
import { ReconcileTab } from './reconcile-tab'
import { SummaryTab } from './summary-tab'
import type { Campaign } from './types'
import { useCampaign } from './use-campaign'
import { useSteering } from './use-steering'

const BREADCRUMBS = [{ label: 'Campaigns', to: '/campaigns' }]

const TABS = {
  summary: SummaryTab,
  recipients: RecipientsTab,
  message: MessageTab,
  reconcile: ReconcileTab,
}

export function Component() {
  const { id = '', tab = 'summary' } = useParams()
  const query = useCampaign(id)
  if (!Object.hasOwn(TABS, tab)) return <NotFound />
  if (query.data === undefined) {
    const back = { label: 'All campaigns', to: '/campaigns' }
    return (
      <>
        <PageHeader title="Campaign" breadcrumbs={BREADCRUMBS} />
        <Read query={query} back={back} lines={8}>
          {() => null}
        </Read>
      </>
    )
  }
  return (
    <CampaignScreen
      // Another campaign starts without the errors and dialogs of this one.
      key={id}
      campaign={query.data}
      tab={tab as keyof typeof TABS}
      connection={query.connection}
      problem={
        query.error && (
          <Problem error={query.error} onRetry={() => void query.refetch()} />
        )
      }
    />
  )
}

function CampaignScreen({
  campaign,
  tab,
  connection,
  problem,
}: {
  campaign: Campaign
  tab: keyof typeof TABS
  connection: React.ComponentProps<typeof LiveBadge>['connection']
  problem: React.ReactNode
}) {
  const steering = useSteering(campaign)
  const shown =
    steering.busy === 'launch'
      ? { ...campaign, status: launchedStatus(campaign) }
      : campaign
  const Tab = TABS[tab]
  return (
    <>
      <PageHeader
        title={campaign.name}
        breadcrumbs={BREADCRUMBS}
        badge={
          <>
            <CampaignStatusBadge status={shown.status} />
            <LiveBadge connection={connection} />
          </>
        }
        actions={
          <>
            <CopyCurl
              path={`/api/campaigns/${encodeURIComponent(campaign.campaign_id)}`}
            />
            <CampaignActions campaign={campaign} steering={steering} />
          </>
        }
      />
      <div className="flex flex-col gap-2 not-empty:mb-4">
        {steering.problem}
        {problem}
      </div>
      <Notices campaign={campaign} />
      <CampaignTabs id={campaign.campaign_id} />
      <Tab campaign={shown} />
    </>
  )
}

function CampaignTabs({ id }: { id: string }) {
  const mayAudit = useMay('read the audit trail')
  return (
    <Tabs
      label="Parts of the campaign"
      tabs={[
        { label: 'Summary', to: campaignPath(id) },
        { label: 'Recipients', to: campaignPath(id, 'recipients'), end: false },
        { label: 'Message', to: campaignPath(id, 'message') },
        { label: 'Reconcile', to: campaignPath(id, 'reconcile') },
        ...(mayAudit ? [{ label: 'History', to: historyPath(id) }] : []),
      ]}
    />
  )
}
