import type { Schemas } from '@/api/client'

/** A view as `GET /api/admin/projections` describes it. */
export type View = Schemas['Projection']

/** The result of a verification. */
export type Verification = Schemas['Verification']
