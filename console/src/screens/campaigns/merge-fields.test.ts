import { expect, test } from 'vitest'
import { attributeFields, byteLength, insertAt } from './merge-fields'

test('a field replaces what is marked, and the caret stands behind it', () => {
  expect(insertAt('Hi NAME!', 3, 7, '{{ name }}')).toEqual({
    text: 'Hi {{ name }}!',
    caret: 13,
  })
  expect(insertAt('', 0, 0, 'x')).toEqual({ text: 'x', caret: 1 })
})

test('attributes with other characters need brackets', () => {
  const fields = attributeFields([
    { attributes: { size: 'M', 'shoe-size': 4 } },
    { attributes: { size: 'L' } },
  ])
  expect(fields.map((field) => field.snippet)).toEqual([
    '{{ attributes["shoe-size"] | default("") }}',
    '{{ attributes.size | default("") }}',
  ])
})

test('values within objects are reached by their path', () => {
  const address = { city: 'Rome', 'zip-code': '00184' }
  const fields = attributeFields([{ attributes: { address } }])
  expect(fields.map((field) => field.snippet)).toEqual([
    '{{ attributes.address.city | default("") }}',
    '{{ attributes.address["zip-code"] | default("") }}',
  ])
})

test('limits count bytes', () => {
  expect(byteLength('é€')).toBe(5)
})
