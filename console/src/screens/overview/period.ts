export const PERIODS = ['7', '30', '90', '365'] as const
export type Period = (typeof PERIODS)[number]

export function periodOf(text: string): Period {
  return (PERIODS as readonly string[]).includes(text) ? (text as Period) : '30'
}

/** Parameters of the report. Its days are the deployment's: the viewer's today may differ. */
export function reportQuery(period: Period): { days: number } {
  return { days: Number(period) }
}
