import { describe, expect, it } from 'vitest'
import { csvName, csvPath } from './csv'

describe('csvName', () => {
  it('is made of the name of the campaign and the status', () => {
    expect(csvName('Früher Vogel – 20 %!', null)).toBe('fruher-vogel-20-messages.csv')
    expect(csvName('春', 'failed')).toBe('campaign-failed.csv')
  })
})

describe('csvPath', () => {
  it('has the status if there is one', () => {
    expect(csvPath('cmp_1', null)).toBe('/api/campaigns/cmp_1/logs')
    expect(csvPath('cmp_1', 'failed')).toBe('/api/campaigns/cmp_1/logs?status=failed')
  })
})
