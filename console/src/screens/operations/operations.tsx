import { Navigate, useNavigate, useParams } from 'react-router'
import { useScreenActions } from '@/app/actions'
import { CopyCurl } from '@/ui/copy'
import { PageHeader, Tabs } from '@/ui/page'
import { HealthCard } from './health-card'
import { LogTab } from './log-tab'
import { QuarantineTab } from './quarantine-tab'
import { useThroughput } from './use-throughput'
import { VerifyTab } from './verify-tab'
import { ViewsTab } from './views-tab'
import { WorkersTab } from './workers-tab'

const TABS = [
  { id: 'views', label: 'Views', path: '/api/admin/projections', Content: ViewsTab },
  { id: 'log', label: 'Log', path: '/api/admin/log', Content: LogTab },
  { id: 'workers', label: 'Workers', path: '/api/admin/workers', Content: WorkersTab },
  {
    id: 'quarantine',
    label: 'Quarantine',
    path: '/api/admin/quarantine',
    Content: QuarantineTab,
  },
  { id: 'verify', label: 'Verify', path: null, Content: VerifyTab },
]

export function Component() {
  const { tab = 'views' } = useParams()
  // Counts from whichever tab is open, so that the chart has no gaps.
  useThroughput()
  const navigate = useNavigate()
  const tabs = TABS.map(({ id, label }) => ({
    id,
    label,
    to: id === 'views' ? '/operations' : `/operations/${id}`,
  }))
  useScreenActions(
    tabs.map(({ id, label, to }) => ({
      id: `tab ${id}`,
      label: `Operations: ${label}`,
      run: () => void navigate(to),
    })),
  )
  const shown = TABS.find(({ id }) => id === tab)
  if (!shown) return <Navigate replace to="/operations" />
  const { Content, path } = shown
  return (
    <>
      <PageHeader
        title="Operations"
        description="The log, the views that are folded from it, and the processes that fold them."
        actions={path && <CopyCurl path={path} />}
      />
      <HealthCard />
      <Tabs label="Parts of operations" tabs={tabs} />
      <Content />
    </>
  )
}
