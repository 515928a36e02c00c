/** The accounts of a campaign: `planned = sent + failed + suppressed + pending`. */
import type { DiscrepancyKind, Reconciliation } from './types'

export interface Equation {
  planned: number
  sent: number
  failed: number
  suppressed: number
  pending: number
  sum: number
  /** `planned - sum`: not 0 if messages are missing or too many. */
  difference: number
}

export function equationOf(
  accounts: Pick<
    Reconciliation,
    'planned' | 'sent' | 'failed' | 'suppressed' | 'pending'
  >,
): Equation {
  const { planned, sent, failed, suppressed, pending } = accounts
  const sum = sent + failed + suppressed + pending
  return { planned, sent, failed, suppressed, pending, sum, difference: planned - sum }
}

export interface Finding {
  isClean: boolean
  title: string
  /** What limits the statement; each is a sentence. */
  reservations: string[]
}

export function findingOf(accounts: Reconciliation): Finding {
  const found = accounts.discrepancies_found
  const isBalanced = equationOf(accounts).difference === 0
  const isClean = found === 0 && isBalanced
  return {
    isClean,
    title: titleOf(found, isBalanced),
    reservations: reservationsOf(accounts),
  }
}

function titleOf(found: number, isBalanced: boolean): string {
  if (found > 0)
    return found === 1
      ? '1 discrepancy'
      : `${found.toLocaleString('en-US')} discrepancies`
  return isBalanced ? 'Every recipient is accounted for' : 'The sum differs from the plan'
}

function reservationsOf(accounts: Reconciliation): string[] {
  const reservations: string[] = []
  if (accounts.undetermined > 0) {
    reservations.push(
      'For some customers a match cannot be determined, because one of their events was in quarantine at the launch. They are not part of the plan.',
    )
  }
  if (accounts.quarantined.length > 0) {
    reservations.push(
      'Some events are in quarantine. The documents that they affect were not compared.',
    )
  }
  if (!accounts.views_compared) {
    reservations.push(
      'The views were not compared, because they were behind the log or changed meanwhile. Reconcile again when the campaign is quiet.',
    )
  }
  if (!accounts.texts_compared) {
    reservations.push('Not all texts were compared: a newer program wrote some of them.')
  }
  return reservations
}

const KINDS: Record<DiscrepancyKind, string> = {
  missing_message: 'No message for a customer of the audience',
  unexpected_message: 'A message for a customer outside the audience',
  size_differs: 'The recorded size of the audience differs',
  statistics_differ: 'The statistics differ from the log',
  view_differs: 'A view differs from the log',
  sent_after_unsubscribe: 'Sent after the customer unsubscribed',
  sent_after_stop: 'Sent after the campaign was paused or canceled',
  text_differs: 'The text differs from what was recorded',
  address_queued_twice: 'Two messages to one address',
  duplicate_without_message: 'No message for the other customer with this address',
}

export function kindLabel(kind: DiscrepancyKind): string {
  return KINDS[kind] ?? kind
}
