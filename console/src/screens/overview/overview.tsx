import { useApi } from '@/api/query'
import { IfMay } from '@/app/use-session'
import { PageHeader } from '@/ui/page'
import { Read } from '@/ui/state'
import { CampaignsCard } from './campaigns-card'
import { DemoBanner, DemoOffer, useDemoShop, useLoaded } from './demo-shop'
import { EmptyStore } from './empty-store'
import { Figures } from './figures'
import { HealthLine } from './health-line'
import { LatestEvents } from './latest-events'

export function Component() {
  const first = useApi(
    '/api/customers',
    { params: { query: { limit: 1 } } },
    { refetchInterval: 15_000 },
  )
  // While the demo shop is loaded, its first customers are there already.
  const demo = useDemoShop({ interval: false }).data
  useLoaded(demo)
  const loading = demo?.state === 'loading'
  return (
    <>
      <PageHeader title="Overview" />
      <HealthLine />
      <Read query={first}>
        {({ items }) =>
          items.length === 0 || loading ? (
            <EmptyStore />
          ) : (
            <Store interrupted={demo?.state === 'failed' && demo.can_load} />
          )
        }
      </Read>
    </>
  )
}

function Store({ interrupted }: { interrupted: boolean | undefined }) {
  return (
    <>
      <IfMay ability="load the demo shop">
        <DemoBanner />
        {interrupted && (
          <div className="mb-4">
            <DemoOffer />
          </div>
        )}
      </IfMay>
      <div className="flex flex-col gap-6">
        <Figures />
        <div className="grid gap-4 lg:grid-cols-2">
          <CampaignsCard />
          <IfMay ability="read the audit trail">
            <LatestEvents />
          </IfMay>
        </div>
      </div>
    </>
  )
}
