import { describe, expect, it } from 'vitest'
import {
  asAttributeType,
  attributeType,
  majorUnits,
  minorUnits,
  numberOrText,
  withField,
  withOperator,
} from './values'

describe('amounts', () => {
  it('are typed in major units and sent in minor units', () => {
    expect(minorUnits('1,000.5', 2)).toBe(100050)
    expect(minorUnits('10', 2)).toBe(1000)
    expect(minorUnits('-0.07', 2)).toBe(-7)
    expect(minorUnits('1000', 0)).toBe(1000)
    expect(minorUnits('1.234', 3)).toBe(1234)
    expect(minorUnits('0.29', 2)).toBe(29)
  })

  it('stay as they were typed if they are none', () => {
    for (const typed of ['', 'ten', '1.005', '1.2.3', '--1', '99999999999999999']) {
      expect(minorUnits(typed, 2), typed).toBe(typed)
    }
    expect(minorUnits('1.5', 0)).toBe('1.5')
  })

  it('are shown in major units', () => {
    expect(majorUnits(100050, 2)).toBe('1000.50')
    expect(majorUnits(1000, 2)).toBe('10')
    expect(majorUnits(-7, 2)).toBe('-0.07')
    expect(majorUnits(1000, 0)).toBe('1000')
    expect(majorUnits('ten', 2)).toBe('ten')
  })
})

describe('typed numbers', () => {
  it('become numbers only without loss', () => {
    expect(numberOrText('12')).toBe(12)
    expect(numberOrText(' 12 ')).toBe(12)
    expect(numberOrText('1.5')).toBe(1.5)
    expect(numberOrText('x')).toBe('x')
    expect(numberOrText('')).toBe('')
    expect(numberOrText('9007199254740993')).toBe('9007199254740993')
  })
})

describe('attributes', () => {
  it('have the type of their value', () => {
    expect(attributeType(39)).toBe('number')
    expect(attributeType('39')).toBe('text')
    expect(attributeType(true)).toBe('flag')
    expect(attributeType('2026-11-23')).toBe('date')
  })

  it('turn into another type', () => {
    const today = '2026-11-29'
    expect(asAttributeType('39', 'number', today)).toBe(39)
    expect(asAttributeType('gold', 'number', today)).toBe(0)
    expect(asAttributeType(39, 'text', today)).toBe('39')
    expect(asAttributeType('true', 'flag', today)).toBe(true)
    expect(asAttributeType('gold', 'date', today)).toBe(today)
  })
})

describe('another operator', () => {
  it('keeps the values that fit', () => {
    const rome = { field: 'city', operator: '=', value: 'Rome' }
    expect(withOperator(rome, 'in').value).toEqual(['Rome'])
    expect(withOperator(rome, 'null')).toEqual({ field: 'city', operator: 'null' })
    const between = withOperator({ field: 'visits', operator: '>', value: 3 }, 'between')
    expect(between.value).toEqual([3, ''])
    expect(withOperator(between, '=').value).toBe(3)
    const attribute = { field: 'attributes.size', operator: '=', value: 39 }
    expect(withOperator(attribute, 'contains').value).toBe('39')
  })
})

describe('another field', () => {
  it('keeps operator and value if both fit', () => {
    const condition = { field: 'city', operator: '=', value: 'Rome' }
    expect(withField(condition, 'country')).toEqual({ ...condition, field: 'country' })
  })

  it('starts again if they do not', () => {
    const spend = { field: 'total_spend', operator: '>', value: 100000 }
    expect(withField(spend, 'order_count')).toEqual({
      field: 'order_count',
      operator: '>',
      value: '',
    })
    expect(withField(spend, 'city')).toEqual({ field: 'city', operator: '=', value: '' })
    expect(withField(spend, 'tags')).toEqual({
      field: 'tags',
      operator: 'contains',
      value: '',
    })
    expect(withField(spend, 'unsubscribed')).toEqual({
      field: 'unsubscribed',
      operator: '=',
      value: true,
    })
  })
})
