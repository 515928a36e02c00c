/** Ranges of spend, in words. */
import type { CampaignSummary } from './types'

type Bracket = CampaignSummary['figures']['brackets'][number]

export function bracketLabel(
  { above, up_to: upTo }: Pick<Bracket, 'above' | 'up_to'>,
  money: (minor: number) => string,
): string {
  if (above == null) return upTo == null ? 'anything' : `up to ${money(upTo)}`
  return upTo == null ? `more than ${money(above)}` : `${money(above)} to ${money(upTo)}`
}
