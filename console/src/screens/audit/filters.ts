import { aggregateParts } from '@/format/aggregate'
import { endOfDay, startOfDay } from '@/format/local-time'

/** Filters of the audit trail, as the URL has them. Days are in the viewer's time zone. */
export interface AuditFilters {
  aggregate: string
  type: string
  actor: string
  customer_id: string
  request_id: string
  from: string
  to: string
}

export const FILTER_NAMES = [
  'aggregate',
  'type',
  'actor',
  'customer_id',
  'request_id',
  'from',
  'to',
] as const satisfies (keyof AuditFilters)[]

/** Parameters of `GET /api/audit`; empty filters are left out. */
export function auditQuery(filters: AuditFilters): Record<string, string> {
  const { from, to, ...same } = filters
  const query: Record<string, string> = {}
  for (const [name, value] of Object.entries(same)) {
    if (value.trim()) query[name] = value.trim()
  }
  const since = startOfDay(from)
  const until = endOfDay(to)
  if (since) query.since = since
  if (until) query.until = until
  return query
}

/** The screen that shows what an event is about; `null` if there is none. */
export function screenOf(aggregate: string): { label: string; to: string } | null {
  const [kind = '', first = '', second = ''] = aggregateParts(aggregate)
  const id = encodeURIComponent(first)
  switch (kind) {
    case 'customer':
      return { label: 'Customer', to: `/customers/${id}` }
    case 'order':
      return { label: 'Orders of the customer', to: `/customers/${id}/orders` }
    case 'activity':
      return { label: 'Timeline of the customer', to: `/customers/${id}/timeline` }
    case 'message':
      return {
        label: 'Story of the message',
        to: `/campaigns/${encodeURIComponent(second)}/recipients/${id}`,
      }
    case 'segment':
      return { label: 'Segment', to: `/segments/${id}` }
    case 'campaign':
      return { label: 'Campaign', to: `/campaigns/${id}` }
    case 'import':
      return { label: 'Import', to: `/imports/${id}` }
    case 'user':
      return { label: 'Users', to: '/users' }
    case 'api_key':
      return { label: 'Keys', to: '/keys' }
    case 'view':
      return { label: 'Views', to: '/operations' }
    case 'quarantine':
      return { label: 'Quarantine', to: '/operations/quarantine' }
    default:
      return null
  }
}
