import { localDay } from '@/format/local-time'

export const PERIODS = ['7', '30', '90', '365'] as const
export type Period = (typeof PERIODS)[number]

export function periodOf(text: string): Period {
  return (PERIODS as readonly string[]).includes(text) ? (text as Period) : '30'
}

/**
 * Parameters of the report. The last day is left to the deployment: its zone decides what
 * today is.
 */
export function reportQuery(period: Period, now = new Date()): { since?: string } {
  return period === '30' ? {} : { since: localDay(1 - Number(period), now) }
}
