import { afterEach, expect, it, vi } from 'vitest'
import { readRefusedRows } from './refused-rows'

const row = (line: number) =>
  JSON.stringify({ line, reason: 'no ä', pointer: '/amount', input: `#${line},ä` }) + '\n'

function answer(...chunks: Uint8Array[]) {
  const cancel = vi.fn()
  let at = 0
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks[at]
      at += 1
      if (chunk) controller.enqueue(chunk)
      else controller.close()
    },
    cancel,
  })
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(body)))
  return cancel
}

afterEach(() => vi.unstubAllGlobals())

const read = (limit: number) =>
  readRefusedRows('/refused', limit, new AbortController().signal)

it('puts rows together that arrive in pieces', async () => {
  const bytes = new TextEncoder().encode(row(2) + row(3))
  // Within a line, and within a letter of two bytes.
  const cut = bytes.indexOf(0xc3) + 1
  answer(bytes.slice(0, cut), bytes.slice(cut))
  expect((await read(20)).map(({ line, input }) => `${line} ${input}`)).toEqual([
    '2 #2,ä',
    '3 #3,ä',
  ])
})

it('reads no further than it shows', async () => {
  const cancel = answer(
    ...[2, 3, 4, 5].map((line) => new TextEncoder().encode(row(line))),
  )
  expect(await read(2)).toHaveLength(2)
  expect(cancel).toHaveBeenCalled()
})

it('has no rows where none were refused', async () => {
  answer()
  expect(await read(20)).toEqual([])
})
