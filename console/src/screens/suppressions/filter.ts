/** What the list of suppressed addresses is filtered by; all of it is in the URL. */
import type { Schemas } from '@/api/client'
import { LISTED_REASONS, type ListedFor } from '@/format'

export type SuppressedAddress = Schemas['SuppressedAddress']
export type Channel = Schemas['Channel']

export interface SuppressionFilter {
  address: string
  detail: ListedFor | null
  channel: Channel | null
}

export const CHANNELS: readonly Channel[] = ['email', 'phone']

/** Reads the filter from the parameters of the URL, which a person may have typed. */
export function filterOf(params: {
  address: string
  detail: string
  channel: string
}): SuppressionFilter {
  return {
    address: params.address.trim(),
    detail: LISTED_REASONS.find((one) => one === params.detail) ?? null,
    channel: CHANNELS.find((one) => one === params.channel) ?? null,
  }
}

/** The parameters of the API's list. */
export function queryOf({ address, detail, channel }: SuppressionFilter) {
  return {
    ...(address ? { address } : {}),
    ...(detail ? { detail } : {}),
    ...(channel ? { channel } : {}),
  }
}

/** What is left of the filter in the table for a download, which has all addresses. */
export function exportQueryOf({ detail, channel }: SuppressionFilter) {
  return { detail, channel }
}
