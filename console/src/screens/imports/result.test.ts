import { expect, it } from 'vitest'
import { resultText } from './result'
import type { Import } from './types'

const RUN = {
  status: 'finished',
  kind: 'orders',
  reason: null,
  progress: {
    done_bytes: 10,
    rows: 9,
    read: 6,
    created: 4,
    updated: 1,
    unchanged: 1,
    stale: 0,
    refused: 0,
    skipped: 0,
    repeated: 0,
    ambiguous_times: 0,
  },
} as unknown as Import

const of = (changes: Partial<Import>) => resultText({ ...RUN, ...changes })

it('counts what the store has now, new or not', () => {
  expect(of({}).title).toBe('6 orders imported, nothing was refused')
})

it('counts one row as one', () => {
  const progress = { ...RUN.progress!, created: 1, updated: 0, unchanged: 0, refused: 1 }
  expect(of({ progress }).title).toBe('1 order imported, 1 row refused')
})

it('says why an import failed', () => {
  const { detail } = of({ status: 'failed', reason: 'the disk is full' })
  expect(detail).toContain('The disk is full. 6 orders imported so far')
})
