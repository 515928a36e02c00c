import { session } from '@/app/session'
import { NetworkError, problemOf, type SentRequest } from './error'

export interface UploadOptions {
  /** Key under which the upload may be repeated. */
  idempotencyKey: string
  /** Called with the number of bytes that were sent, and of all bytes. */
  onProgress: (sent: number, total: number) => void
  signal: AbortSignal
}

/**
 * Sends a file as the part `file` of a form, and resolves to the body of the answer. Not by
 * `fetch`, which does not tell how much was sent.
 *
 * Rejects with an `ApiError`, a `NetworkError`, or the reason of the signal.
 */
export function uploadFile<Answer>(
  path: string,
  file: File,
  { idempotencyKey, onProgress, signal }: UploadOptions,
): Promise<Answer> {
  const sent: SentRequest = { method: 'POST', path, file: file.name }
  const form = new FormData()
  form.append('file', file)
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    const abort = () => request.abort()
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded, total)
    request.onabort = () => reject(signal.reason as Error)
    request.onerror = () => reject(new NetworkError(sent, 'the connection broke'))
    request.onload = () => {
      answerOf<Answer>(request, sent).then(resolve, reject)
    }
    request.onloadend = () => signal.removeEventListener('abort', abort)
    signal.addEventListener('abort', abort)
    request.open('POST', path)
    request.setRequestHeader('Idempotency-Key', idempotencyKey)
    request.send(form)
  })
}

async function answerOf<Answer>(
  request: XMLHttpRequest,
  sent: SentRequest,
): Promise<Answer> {
  if (request.status >= 200 && request.status < 300) {
    return JSON.parse(request.responseText) as Answer
  }
  const headers = new Headers()
  for (const name of ['x-request-id', 'retry-after']) {
    const value = request.getResponseHeader(name)
    if (value !== null) headers.set(name, value)
  }
  const { status, statusText, responseText } = request
  const response = new Response(responseText, { status, statusText, headers })
  const error = await problemOf(response, sent)
  if (status === 401) session.ended()
  throw error
}
