import { expect, it } from 'vitest'
import { pathPart } from './path-part'

it('reads any id back from the path', () => {
  for (const id of ['c-1', '#1001', 'a/b c', 'Ä%2F', '100%', '?', '%2F']) {
    expect(pathPart(`/customers/${encodeURIComponent(id)}/orders`, 1)).toBe(id)
    expect(pathPart(`/campaigns/cmp_1/recipients/${encodeURIComponent(id)}`, 3)).toBe(id)
  }
  expect(pathPart('/customers', 1)).toBe('')
  expect(pathPart('/customers/100%', 1)).toBe('100%')
})
