/**
 * The first refused rows of an import. There may be as many as the file has, so the
 * download ends once enough were read.
 */
import { NetworkError, problemOf } from '@/api/error'
import { session } from '@/app/session'

export interface RefusedRow {
  line: number
  reason: string
  pointer?: string | null
  input: string
}

/** Reads at most `limit` rows. */
export async function readRefusedRows(
  path: string,
  limit: number,
  signal: AbortSignal,
): Promise<RefusedRow[]> {
  const request = { method: 'GET', path }
  const broken = (error: unknown) =>
    signal.aborted ? error : new NetworkError(request, error)
  const response = await fetch(path, { signal }).catch((error: unknown) => {
    throw broken(error)
  })
  if (!response.ok) {
    if (response.status === 401) session.ended()
    throw await problemOf(response, request)
  }
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (;;) {
    const chunk = await reader?.read().catch((error: unknown) => {
      throw broken(error)
    })
    if (!chunk || chunk.done) return parseRows(text, limit)
    text += chunk.value
    const rows = parseRows(text.slice(0, text.lastIndexOf('\n') + 1), limit)
    if (rows.length === limit) {
      await reader?.cancel()
      return rows
    }
  }
}

/** Parses whole lines of NDJSON. */
export function parseRows(text: string, limit: number): RefusedRow[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(0, limit)
    .map((line) => JSON.parse(line) as RefusedRow)
}
