/** Downloads of tables as CSV, which the API answers only to its media type. */
import { session } from '@/app/session'
import { NetworkError, problemOf } from './error'

/** Reads the table. `onBytes` gets the number of bytes received so far. */
export async function readCsv(
  path: string,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const request = { method: 'GET', path }
  const response = await fetch(path, { headers: { accept: 'text/csv' }, signal }).catch(
    (error: unknown) => {
      throw signal.aborted ? error : new NetworkError(request, error)
    },
  )
  if (!response.ok) {
    if (response.status === 401) session.ended()
    throw await problemOf(response, request)
  }
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let received = 0
  const reader = response.body?.getReader()
  for (;;) {
    const chunk = await reader?.read().catch((error: unknown) => {
      throw signal.aborted ? error : new NetworkError(request, error)
    })
    if (!chunk || chunk.done) break
    chunks.push(chunk.value)
    received += chunk.value.length
    onBytes(received)
  }
  return new Blob(chunks, { type: 'text/csv' })
}

/** Hands a file to the browser. */
export function save(file: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(file)
  link.download = name
  link.click()
  // The browser has taken the file over once the click was handled.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}
