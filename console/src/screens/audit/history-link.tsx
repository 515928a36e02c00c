import { pathOf } from '@/api/curl'
import { IfMay } from '@/app/use-session'
import { ButtonLink } from '@/ui/button'

/** Leads to the audit trail of something, for those who may read it. */
export function HistoryLink({
  filter,
  label = 'History',
}: {
  filter: {
    aggregate?: string
    customer_id?: string
    actor?: string
    request_id?: string
  }
  label?: string
}) {
  return (
    <IfMay ability="read the audit trail">
      <ButtonLink icon="audit" to={pathOf('/audit', filter)}>
        {label}
      </ButtonLink>
    </IfMay>
  )
}
