/**
 * Operations that the OpenAPI document does not describe yet, as the console uses them.
 * An entry is removed when the document has the operation.
 */
import type { components } from './schema'

type Schemas = components['schemas']

type Parameters<Path, Query> = {
  query?: Query
  header?: never
  path: Path
  cookie?: never
}

type Json<Body> = {
  headers: { [name: string]: unknown }
  content: { 'application/json': Body }
}

type Nothing = { headers: { [name: string]: unknown }; content?: never }

type Get<Answer, Path = undefined, Query = undefined> = {
  get: {
    parameters: { query?: Query; header?: never; path: Path; cookie?: never }
    requestBody?: never
    responses: { 200: Json<Answer> }
  }
}

type Time = string

export interface DraftChange {
  name?: string
  segment_id?: string | null
  rules?: Schemas['Rules'] | null
  message?: { template: string }
  scheduled_at?: Time | null
  tags?: string[]
  messages_per_second?: number | null
}

export interface CustomerSegment {
  segment_id: string
  name: string
}

export interface DailyNumbers {
  customers: number
  orders: number
  revenue: number
  activity: number
  sent: number
  delivered: number
  failed: number
  suppressed: number
}

export interface DailyFigures {
  time_zone: string
  currency: string
  since: string
  until: string
  items: (DailyNumbers & { date: string })[]
  totals: DailyNumbers
}

export interface SegmentHistoryPoint {
  at: Time
  count: number
}

export interface Setting {
  name: string
  flag: string | null
  value: string | null
  source: 'flag' | 'environment' | 'default' | 'deployment' | 'unset'
  secret: boolean
}

export interface DemoShop {
  state: 'absent' | 'loading' | 'loaded' | 'failed'
  can_load: boolean
  reason: string | null
  progress: { done: number; total: number } | null
}

export interface RolledBack {
  name: string
  generation: number
}

type ById = { id: string }

export interface PendingPaths {
  '/api/campaigns/{id}': {
    patch: {
      parameters: Parameters<ById, undefined>
      requestBody: { content: { 'application/json': DraftChange } }
      responses: { 200: Json<Schemas['Campaign']> }
    }
    delete: {
      parameters: Parameters<ById, undefined>
      requestBody?: never
      responses: { 204: Nothing }
    }
  }
  '/api/campaigns/{id}/clone': {
    post: {
      parameters: {
        query?: undefined
        header?: { 'Idempotency-Key'?: string }
        path: ById
        cookie?: never
      }
      requestBody?: { content: { 'application/json': { name?: string } } }
      responses: { 201: Json<Schemas['CampaignWritten']> }
    }
  }
  '/api/users/{user_id}/sign-out': {
    post: {
      parameters: Parameters<{ user_id: string }, undefined>
      requestBody?: never
      responses: { 204: Nothing }
    }
  }
  '/api/customers/{id}/segments': Get<
    { items: CustomerSegment[]; next_cursor: string | null },
    ById
  >
  '/api/reports/daily': {
    get: {
      parameters: {
        query?: { since?: string; until?: string }
        header?: never
        path?: never
        cookie?: never
      }
      requestBody?: never
      responses: { 200: Json<DailyFigures> }
    }
  }
  '/api/segments/{id}/history': Get<
    { items: SegmentHistoryPoint[]; next_cursor: string | null },
    ById,
    { since?: Time; until?: Time }
  >
  '/api/admin/settings': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: { 200: Json<{ items: Setting[] }> }
    }
  }
  '/api/admin/verify': {
    post: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody?: { content: { 'application/json': { sample?: number } } }
      responses: { 202: Json<Schemas['Job']> }
    }
  }
  '/api/admin/projections/{name}/rollback': {
    post: {
      parameters: Parameters<{ name: string }, undefined>
      requestBody?: never
      responses: { 202: Json<RolledBack> }
    }
  }
  '/api/admin/demo': {
    get: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: { 200: Json<DemoShop> }
    }
    post: {
      parameters: { query?: never; header?: never; path?: never; cookie?: never }
      requestBody?: never
      responses: { 202: Json<DemoShop> }
    }
  }
}
