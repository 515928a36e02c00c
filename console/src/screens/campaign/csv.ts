/** Where the communication log is as CSV, and a name for the file. */
import { pathOf } from '@/api/curl'
import type { MessageStatus } from './types'

export function csvPath(id: string, status: MessageStatus | null): string {
  return pathOf(`/api/campaigns/${encodeURIComponent(id)}/logs`, { status })
}

/** A name for the file that says what is in it. */
export function csvName(campaign: string, status: MessageStatus | null): string {
  const name = campaign
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .toLowerCase()
  return [name || 'campaign', status ?? 'messages'].join('-') + '.csv'
}
