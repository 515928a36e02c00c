import type { components } from './schema'

export type FieldError = components['schemas']['FieldError']

/** A request as it was sent, to show it again as a command. */
export interface SentRequest {
  method: string
  /** Path and query. */
  path: string
  body?: string
  /** Name of the file that was sent as a form. */
  file?: string
}

/** The API answered with a problem. */
export class ApiError extends Error {
  override name = 'ApiError'

  constructor(
    readonly status: number,
    readonly type: string,
    readonly title: string,
    readonly detail: string,
    readonly errors: FieldError[],
    readonly requestId: string | null,
    readonly retryAfter: number | null,
    readonly request: SentRequest,
  ) {
    super(detail)
  }

  /** Returns true for a problem of the kind, such as `unknown-field`. */
  is(kind: string): boolean {
    return this.type === `urn:patron:problem:${kind}`
  }
}

/** The request did not reach the API, or its answer did not arrive. */
export class NetworkError extends Error {
  override name = 'NetworkError'

  constructor(
    readonly request: SentRequest,
    override readonly cause: unknown,
  ) {
    super('The server cannot be reached.')
  }
}

/** Returns true if the same request may succeed later. */
export function isTemporary(error: unknown): boolean {
  if (error instanceof NetworkError) return true
  return error instanceof ApiError && [429, 502, 503, 504].includes(error.status)
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404
}

/** Reads the problem of an answer that is not a success. */
export async function problemOf(
  response: Response,
  request: SentRequest,
): Promise<ApiError> {
  const text = await response.text().catch(() => '')
  const problem = parse(text)
  const seconds = Number(response.headers.get('retry-after'))
  return new ApiError(
    response.status,
    problem.type ?? 'about:blank',
    problem.title ?? response.statusText,
    problem.detail ?? `The server answered ${response.status}.`,
    problem.errors ?? [],
    response.headers.get('x-request-id') ?? problem.instance ?? null,
    seconds > 0 ? seconds : null,
    request,
  )
}

/** Something other than the API, such as a proxy, may answer with something else. */
function parse(text: string): Partial<components['schemas']['Problem']> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}
