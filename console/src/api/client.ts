/**
 * The typed client of the API. `call(api.GET('/api/campaigns'))` resolves to the answer's
 * body, or rejects with an `ApiError` or a `NetworkError`.
 */
import createClient from 'openapi-fetch'
import { session } from '@/app/session'
import { NetworkError, problemOf, type SentRequest } from './error'
import type { components, paths } from './schema'

export type Schemas = components['schemas']

const sent = new WeakMap<Response, SentRequest>()

export const api = createClient<paths>({
  baseUrl: globalThis.location?.origin ?? 'http://localhost',
  fetch: async (request) => {
    const url = new URL(request.url)
    const body = request.body ? await request.clone().text() : undefined
    const description = { method: request.method, path: url.pathname + url.search, body }
    let response: Response
    try {
      response = await fetch(request)
    } catch (error) {
      if (request.signal.aborted) throw error
      throw new NetworkError(description, error)
    }
    sent.set(response, description)
    return response
  },
})

type Answer<Body> = { data?: Body; error?: unknown; response: Response }

/** Resolves to the body of a successful answer; every other answer is an error. */
export async function call<Body>(answer: Promise<Answer<Body>>): Promise<Body> {
  return (await callWithResponse(answer)).data
}

/** The same, with the response for its headers. */
export async function callWithResponse<Body>(
  answer: Promise<Answer<Body>>,
): Promise<{ data: Body; response: Response }> {
  const { data, response } = await answer
  if (response.ok) return { data: data as Body, response }
  throw await errorOf(response)
}

async function errorOf(response: Response): Promise<Error> {
  // openapi-fetch has read the body: a copy was kept.
  const request = sent.get(response) ?? { method: 'GET', path: response.url }
  const error = await problemOf(bodies.get(response) ?? response, request)
  if (error.status === 401) session.ended()
  return error
}

const bodies = new WeakMap<Response, Response>()

api.use({
  onResponse({ response }) {
    if (!response.ok) bodies.set(response, response.clone())
  },
})
