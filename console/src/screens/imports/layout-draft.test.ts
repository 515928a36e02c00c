import { describe, expect, it } from 'vitest'
import { draftOf, matched, missingFields, withPreset } from './layout-draft'
import { runOf, tableOptions } from './run-body'
import type { Import, ImportPreset } from './types'

const UPLOADED: Import = {
  import_id: 'imp_1',
  status: 'uploaded',
  file_name: 'orders.csv',
  bytes: 100,
  sha256: '',
  detected: null,
  process: null,
  kind: null,
  preset: null,
  options: null,
  progress: null,
  waiting_for: null,
  reason: null,
  has_refused_rows: false,
  created_at: '2026-11-29T00:00:00Z',
  created_by: 'user:1',
  started_at: null,
  started_by: null,
  ended_at: null,
}

const SHOP: ImportPreset = {
  name: 'shopify-orders',
  title: 'the export of a shop',
  kind: 'orders',
  options: {
    map: { order_id: 'Name', customer_id: 'Email', amount: 'Total', placed_at: 'Date' },
    set: { currency: 'USD' },
  },
}

function detected(changes: Partial<NonNullable<Import['detected']>>): Import {
  return {
    ...UPLOADED,
    detected: {
      preset: null,
      kind: null,
      format: 'csv',
      columns: [],
      options: {},
      ...changes,
    },
  }
}

describe('the first draft', () => {
  it('takes what was detected as it is', () => {
    const columns = ['Name', 'Email', 'Total']
    const options = { delimiter: ';' }
    const draft = draftOf(
      detected({ preset: 'shopify-orders', kind: 'orders', columns, options }),
    )
    expect(runOf(draft)).toEqual({
      kind: 'orders',
      format: 'csv',
      preset: 'shopify-orders',
      options: { delimiter: ';' },
    })
  })

  it('fills fields from columns of their names', () => {
    const columns = ['Customer ID', 'name', 'attributes.age:number', 'Shoe']
    const draft = draftOf(detected({ kind: 'customers', columns }))
    expect(runOf(draft)?.options).toEqual({
      map: {
        customer_id: 'Customer ID',
        name: 'name',
        'attributes.age:number': 'attributes.age:number',
      },
    })
  })

  it('has no kind where none was detected, and cannot be sent', () => {
    expect(runOf(draftOf(UPLOADED))).toBeNull()
  })

  it('repeats the last run, with every option of it', () => {
    const options = {
      map: {
        customer_id: 'Id',
        name: '{First} {Last}',
        unsubscribed: '!Accepts',
        'attributes.vip:boolean': 'VIP',
      },
      set: { country: 'DE', 'attributes.source': 'fair' },
      fallback: { phone: 'Mobile' },
      encoding: 'windows-1252',
      time_zone: 'Europe/Berlin',
      date_format: ['%d.%m.%Y'],
      clear_empty: ['email'],
      last_wins: true,
    }
    const again = {
      ...detected({ columns: ['Id', 'First', 'Last', 'Accepts', 'VIP'] }),
      kind: 'customers' as const,
      options,
    }
    expect(runOf(draftOf(again))).toEqual({ kind: 'customers', format: 'csv', options })
  })
})

describe('a changed draft', () => {
  const columns = ['Name', 'Email', 'Total', 'Date', 'State']
  const draft = draftOf(detected({ columns }))

  it('overrides single fields of a preset', () => {
    const chosen = withPreset(draft, SHOP, null, columns)
    const fields = { customer_id: { from: 'column', column: 'Name' } as const }
    expect(runOf({ ...chosen, fields })).toEqual({
      kind: 'orders',
      format: 'csv',
      preset: 'shopify-orders',
      options: { map: { customer_id: 'Name' } },
    })
  })

  it('has what was typed, without blanks around it', () => {
    const chosen = withPreset(draft, null, 'orders', columns)
    const run = runOf({
      ...chosen,
      fields: {
        order_id: { from: 'column', column: 'Name' },
        currency: { from: 'value', value: 'EUR' },
        customer_id: { from: 'expression', text: ' {Name}-{Email} ' },
        amount: { from: 'expression', text: ' ' },
      },
      statuses: [
        { text: ' paid ', means: 'placed' },
        { text: '', means: 'placed' },
      ],
      delimiter: 'tab',
      dateFormats: '%d.%m.%Y\n\n %Y-%m-%d ',
      decimal: 'comma',
      tagSeparator: ',',
      clearsEmpty: true,
    })
    expect(run?.options).toEqual({
      map: { order_id: 'Name', customer_id: '{Name}-{Email}' },
      set: { currency: 'EUR' },
      status: { paid: 'placed' },
      delimiter: 'tab',
      date_format: ['%d.%m.%Y', '%Y-%m-%d'],
      decimal: 'comma',
      tag_separator: ',',
    })
  })

  it('has no options of tables for NDJSON', () => {
    const chosen = withPreset(draft, SHOP, null, columns)
    expect(
      runOf({ ...chosen, format: 'ndjson', delimiter: ';', lastWins: true }),
    ).toEqual({
      kind: 'orders',
      format: 'ndjson',
      options: { last_wins: true },
    })
  })

  it('forgets the statuses of another preset', () => {
    const statuses = [{ text: 'paid', means: 'placed' }]
    const chosen = withPreset({ ...draft, statuses, delimiter: ';' }, SHOP, null, columns)
    expect(chosen.statuses).toEqual([])
    expect(tableOptions(chosen)).toEqual({ delimiter: ';' })
  })
})

describe('required fields', () => {
  const columns = ['Name', 'Email']
  const draft = withPreset(draftOf(detected({ columns })), null, 'orders', columns)

  it('are missing until something fills them', () => {
    expect(missingFields(draft, null)).toEqual([
      'order_id',
      'customer_id',
      'amount',
      'currency',
      'placed_at',
    ])
    const fields = { currency: { from: 'value', value: 'USD' } as const }
    expect(missingFields({ ...draft, fields }, null)).not.toContain('currency')
  })

  it('are filled by a preset', () => {
    expect(missingFields(withPreset(draft, SHOP, null, columns), SHOP)).toEqual([])
  })
})

describe('columns with the names of fields', () => {
  it('are found for keys of activity too', () => {
    expect(matched('events', ['event_id', 'properties.page', 'properties.'])).toEqual({
      fields: { event_id: { from: 'column', column: 'event_id' } },
      keys: [{ key: 'page', type: 'text', column: 'properties.page' }],
    })
  })
})
