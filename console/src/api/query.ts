/**
 * Reads through TanStack Query. The key of a read is its path and its parameters, so
 * `invalidate('/api/campaigns')` reads everything below that path again.
 */
import {
  type InfiniteData,
  MutationCache,
  QueryCache,
  QueryClient,
  keepPreviousData,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query'
import type { FetchResponse, MaybeOptionalInit } from 'openapi-fetch'
import type { PathsWithMethod, RequiredKeysOf } from 'openapi-typescript-helpers'
import { useCallback, useMemo } from 'react'
import { api, call } from './client'
import { ApiError, isTemporary } from './error'
import type { paths } from './schema'

export type GetPath = PathsWithMethod<paths, 'get'> & keyof paths & string

type Init<Path extends GetPath> = MaybeOptionalInit<
  paths[Path],
  'get' & keyof paths[Path]
>

type InitArguments<Path extends GetPath, Rest extends unknown[]> =
  RequiredKeysOf<Init<Path>> extends never
    ? [Init<Path>?, ...Rest]
    : [Init<Path>, ...Rest]

type GetOf<Operations> = Operations extends {
  get: infer Operation extends Record<string, any>
}
  ? Operation
  : never

/** The body of a successful answer, as JSON where there are other representations. */
export type Answer<Path extends GetPath> = NonNullable<
  FetchResponse<GetOf<paths[Path]>, object, 'application/json'>['data']
>

export interface ReadOptions {
  enabled?: boolean
  /** Milliseconds between repeated reads; `false` for none. */
  refetchInterval?: number | false
  /** Shows the previous answer while another one is read. */
  keepPrevious?: boolean
  staleTime?: number
}

/** A refusal may mean that the role has changed: then other things are to be offered. */
function refresh(error: Error) {
  if (error instanceof ApiError && error.status === 403) {
    void queryClient.invalidateQueries({ queryKey: ['/api/auth/me'] })
  }
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: refresh }),
  mutationCache: new MutationCache({ onError: refresh }),
  defaultOptions: {
    queries: {
      retry: (failures, error) => isTemporary(error) && failures < 2,
      retryDelay: (failures, error) =>
        error instanceof ApiError && error.retryAfter
          ? Math.min(error.retryAfter, 5) * 1000
          : 500 * 2 ** failures,
      staleTime: 2_000,
      gcTime: 10 * 60_000,
      refetchOnWindowFocus: true,
      // The browser's own idea of being offline is wrong for a server on this machine.
      networkMode: 'always',
    },
    mutations: { retry: false, networkMode: 'always' },
  },
})

/** Reads a path, and again when its parameters change. */
export function useApi<Path extends GetPath>(
  path: Path,
  ...[init, options = {}]: InitArguments<Path, [ReadOptions?]>
) {
  const { keepPrevious, ...rest } = options as ReadOptions
  return useQuery<Answer<Path>, Error>({
    queryKey: keyOf(path, init),
    queryFn: ({ signal }) => read(path, init, signal),
    ...(keepPrevious ? { placeholderData: keepPreviousData as any } : {}),
    ...rest,
  })
}

/** Starts a read that the first screen will need, while its code is still being loaded. */
export function readAhead<Path extends GetPath>(
  path: Path,
  ...[init]: InitArguments<Path, []>
) {
  void queryClient.prefetchQuery({
    queryKey: keyOf(path, init),
    queryFn: ({ signal }) => read(path, init, signal),
  })
}

type ListPath = {
  [Path in GetPath]: Answer<Path> extends {
    items: unknown[]
    next_cursor?: string | null
  }
    ? Path
    : never
}[GetPath]

type ItemOf<Path extends ListPath> =
  Answer<Path> extends { items: (infer Item)[] } ? Item : never

/** Reads a list page by page. `items` has the items of all pages that were read. */
export function useApiList<Path extends ListPath>(
  path: Path,
  ...[init, options = {}]: InitArguments<Path, [ReadOptions?]>
) {
  const { keepPrevious, ...rest } = options as ReadOptions
  type Page = { items: ItemOf<Path>[]; next_cursor?: string | null }
  const query = useInfiniteQuery<
    Page,
    Error,
    InfiniteData<Page, string | undefined>,
    unknown[],
    string | undefined
  >({
    queryKey: [...keyOf(path, init), 'pages'],
    queryFn: ({ signal, pageParam }) =>
      read(path, withCursor(init, pageParam) as any, signal) as unknown as Promise<Page>,
    initialPageParam: undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    ...(keepPrevious ? { placeholderData: keepPreviousData } : {}),
    ...rest,
  })
  const items = useMemo(
    () => query.data?.pages.flatMap((page) => page.items),
    [query.data],
  )
  return { ...query, items }
}

/** Returns a function that reads everything at or below the paths again. */
export function useInvalidate() {
  const client = useQueryClient()
  return useCallback(
    (...prefixes: string[]) =>
      client.invalidateQueries({
        predicate: ({ queryKey: [path, init] }) => {
          const filled = fill(String(path), init)
          return prefixes.some(
            (prefix) =>
              filled === prefix || filled.startsWith(`${prefix}/`) || path === prefix,
          )
        },
      }),
    [client],
  )
}

function keyOf(path: string, init: unknown): unknown[] {
  return [path, (init as { params?: unknown } | undefined)?.params ?? null]
}

function fill(path: string, params: unknown): string {
  const values = (params as { path?: Record<string, string> } | null)?.path ?? {}
  return path.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole)
}

function withCursor(init: any, cursor: string | undefined): unknown {
  if (cursor === undefined) return init
  return {
    ...init,
    params: { ...init?.params, query: { ...init?.params?.query, cursor } },
  }
}

function read<Path extends GetPath>(
  path: Path,
  init: unknown,
  signal: AbortSignal,
): Promise<Answer<Path>> {
  return call((api.GET as any)(path, { ...(init as object), signal }))
}
