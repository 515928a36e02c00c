import { describe, expect, it } from 'vitest'
import { type AuditFilters, auditQuery, screenOf } from './filters'

const NONE: AuditFilters = {
  aggregate: '',
  type: '',
  actor: '',
  customer_id: '',
  request_id: '',
  from: '',
  to: '',
}

describe('the query of the audit trail', () => {
  it('leaves out what is not set', () => {
    expect(auditQuery(NONE)).toEqual({})
    expect(auditQuery({ ...NONE, actor: ' key:bootstrap ' })).toEqual({
      actor: 'key:bootstrap',
    })
  })

  it('covers whole days of the viewer, the last one included', () => {
    const query = auditQuery({ ...NONE, from: '2026-11-28', to: '2026-11-29' })
    expect(query.since).toBe(new Date(2026, 10, 28).toISOString())
    expect(query.until).toBe(new Date(2026, 10, 30).toISOString())
  })
})

describe('the screen of an aggregate', () => {
  it('is where its subject is shown', () => {
    expect(screenOf('customer/c%2F1')?.to).toBe('/customers/c%2F1')
    expect(screenOf('message/c-1/cmp_1')?.to).toBe('/campaigns/cmp_1/recipients/c-1')
    expect(screenOf('import/imp_1')?.to).toBe('/imports/imp_1')
    expect(screenOf('view/orders')?.to).toBe('/operations')
  })

  it('is none for plain records', () => {
    expect(screenOf('refusals/2026-11-23')).toBeNull()
  })
})
