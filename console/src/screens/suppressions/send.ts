/** Sends many addresses to the suppression list, a batch at a time. */
import { api, call, type Schemas } from '@/api/client'
import type { Address } from './address-file'

/** Addresses in one request. */
const BATCH = 5_000

export interface Refusal extends Address {
  reason: string
}

export interface Sent {
  /** Number of addresses that were sent so far. */
  sent: number
  added: number
  /** Number of those that were on the list already. */
  unchanged: number
  refused: Refusal[]
}

export const NOTHING_SENT: Sent = { sent: 0, added: 0, unchanged: 0, refused: [] }

/**
 * Continues after what was sent already, and returns all of it. `onProgress` gets each
 * state, so that a failed request loses nothing.
 */
export async function sendAddresses(
  addresses: readonly Address[],
  before: Sent,
  onProgress: (sent: Sent) => void,
  signal: AbortSignal,
): Promise<Sent> {
  let state = before
  while (state.sent < addresses.length) {
    const batch = addresses.slice(state.sent, state.sent + BATCH)
    const body = batch.map(({ address }) => ({ address }))
    const answer = await call(api.POST('/api/suppressions', { body, signal }))
    state = withAnswer(state, batch, answer as Schemas['Batch'])
    onProgress(state)
  }
  return state
}

export function withAnswer(
  before: Sent,
  batch: readonly Address[],
  { results }: Pick<Schemas['Batch'], 'results'>,
): Sent {
  const state = { ...before, sent: before.sent + batch.length }
  const refused = [...before.refused]
  for (const result of results) {
    const sent = batch[result.index]
    if ('problem' in result && result.problem) {
      const reason = result.problem.errors?.[0]?.detail ?? result.problem.detail
      if (sent) refused.push({ ...sent, reason })
    } else if ('outcome' in result && result.outcome === 'unchanged') state.unchanged += 1
    else state.added += 1
  }
  return { ...state, refused }
}
