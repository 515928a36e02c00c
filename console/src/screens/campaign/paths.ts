/** Links to the screens of one campaign. */
import { pathOf } from '@/api/curl'
import { aggregateKey } from '@/format/aggregate'

export interface RecipientFilter {
  status?: string | null
  reason?: string | null
}

export function campaignPath(id: string, tab?: 'recipients' | 'message' | 'reconcile') {
  const base = `/campaigns/${encodeURIComponent(id)}`
  return tab ? `${base}/${tab}` : base
}

export function recipientsPath(id: string, filter: RecipientFilter = {}): string {
  return pathOf(campaignPath(id, 'recipients'), given(filter))
}

/** The story of one recipient; the filter leads back to where it was opened. */
export function recipientPath(
  id: string,
  customer: string,
  filter: RecipientFilter = {},
): string {
  return pathOf(
    `${campaignPath(id, 'recipients')}/${encodeURIComponent(customer)}`,
    given(filter),
  )
}

function given({ status, reason }: RecipientFilter) {
  return { status: status || null, reason: reason || null }
}

/** The entries of the audit trail about the campaign. */
export function historyPath(id: string): string {
  return pathOf('/audit', { aggregate: `campaign/${id}` })
}

/** The entries of the audit trail about one customer's message. */
export function messageHistoryPath(id: string, customer: string): string {
  return pathOf('/audit', { aggregate: aggregateKey('message', customer, id) })
}
