import { useLocation } from 'react-router'
import { ButtonLink } from '@/ui/button'
import { PageHeader } from '@/ui/page'
import { EmptyState } from '@/ui/state'

export function Component() {
  const { pathname } = useLocation()
  return (
    <>
      <PageHeader title="Not found" />
      <EmptyState
        icon="search"
        title="There is no such page"
        actions={<ButtonLink to="/">To the overview</ButtonLink>}
      >
        Nothing is at <code className="font-mono">{pathname}</code>.
      </EmptyState>
    </>
  )
}
