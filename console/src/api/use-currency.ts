import { useApi } from './query'

/** The deployment's currency; `undefined` while there is no customer to tell it. */
export function useCurrency(): string | undefined {
  const params = { query: { limit: 1 } }
  const { data } = useApi('/api/customers', { params }, { staleTime: 10 * 60_000 })
  return data?.items[0]?.currency
}
