import { describe, expect, it } from 'vitest'
import { filterSettings, type Setting, valueText } from './groups'

const currency: Setting = {
  name: 'PATRON_CURRENCY',
  flag: '--currency',
  value: 'EUR',
  source: 'deployment',
  secret: false,
}
const key: Setting = {
  name: 'PATRON_BOOTSTRAP_KEY',
  flag: '--bootstrap-key',
  value: null,
  source: 'environment',
  secret: true,
}
const model: Setting = {
  name: 'OPENAI_MODEL',
  flag: '--openai-model',
  value: 'gpt-4o-mini',
  source: 'default',
  secret: false,
}

describe('valueText', () => {
  it('says only whether a secret is set', () => {
    expect(valueText(key)).toBe('Set')
    expect(valueText({ ...key, source: 'unset' })).toBeNull()
    expect(valueText(currency)).toBe('EUR')
  })
})

describe('filterSettings', () => {
  const all = [currency, key, model]

  it('finds by parts of name, flag and value, in any case', () => {
    expect(filterSettings(all, 'patron cur', '')).toEqual([currency])
    expect(filterSettings(all, 'GPT', '')).toEqual([model])
    expect(filterSettings(all, '', '')).toEqual(all)
  })

  it('leaves out what has its default', () => {
    expect(filterSettings(all, '', 'changed')).toEqual([currency, key])
  })
})
