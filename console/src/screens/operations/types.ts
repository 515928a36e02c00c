import type { Schemas } from '@/api/client'

/** A view as `GET /api/admin/projections` describes it. */
export type View = Schemas['Projection'] & {
  can_roll_back?: boolean
  switching_to?: number | null
  quarantined?: number
}

/** The result of a verification. */
export interface Verification {
  clean: boolean
  heads: {
    events: number
    heads: number
    differences: number
    unreadable: number
    trimmed: string[]
  }
  views: {
    name: string
    generation: number
    verified: boolean
    events: number
    documents: number
    compared: number
    differences: number
    quarantined: number
  }[]
  findings: {
    check: string
    kind: 'difference' | 'unverifiable' | 'stalled'
    detail: string
  }[]
  findings_found: number
}
