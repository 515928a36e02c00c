import { useQuery } from '@tanstack/react-query'
import { api, call, type Schemas } from './client'

export type Readiness = Schemas['Readiness']

/** Reads the readiness. An unready process answers 503 with the same report. */
async function read(signal: AbortSignal): Promise<Readiness> {
  const answer = await api.GET('/readyz', { signal })
  const report = (answer.data ?? answer.error) as Partial<Readiness> | undefined
  if (report && Array.isArray(report.reasons)) return report as Readiness
  return call(Promise.resolve(answer))
}

/** The readiness of the process that answers, read again every ten seconds. */
export function useReadiness() {
  return useQuery<Readiness, Error>({
    queryKey: ['/readyz', null],
    queryFn: ({ signal }) => read(signal),
    refetchInterval: 10_000,
  })
}
