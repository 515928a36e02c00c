import { afterEach, describe, expect, it, vi } from 'vitest'
import { readCsv } from './csv'

const { signal } = new AbortController()

describe('readCsv', () => {
  afterEach(() => void vi.unstubAllGlobals())

  it('asks for CSV and counts what arrives', async () => {
    const fetched = vi.fn(() => Promise.resolve(new Response('a,b\n1,2\n')))
    vi.stubGlobal('fetch', fetched)
    const counts: number[] = []
    const file = await readCsv('/api/x', (bytes) => counts.push(bytes), signal)
    expect(await file.text()).toBe('a,b\n1,2\n')
    expect(counts.at(-1)).toBe(8)
    expect(fetched).toHaveBeenCalledWith('/api/x', {
      headers: { accept: 'text/csv' },
      signal,
    })
  })

  it('rejects with the problem of the API', async () => {
    const problem = JSON.stringify({
      type: 'urn:patron:problem:not-found',
      detail: 'gone',
    })
    vi.stubGlobal('fetch', () => Promise.resolve(new Response(problem, { status: 404 })))
    await expect(readCsv('/api/x', () => {}, signal)).rejects.toMatchObject({
      status: 404,
      detail: 'gone',
    })
  })

  it('says that the server cannot be reached', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed')))
    await expect(readCsv('/api/x', () => {}, signal)).rejects.toMatchObject({
      name: 'NetworkError',
    })
  })
})
