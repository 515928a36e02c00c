import { useApi } from '@/api/query'

/** Customers whose id, name or email address begins with what is typed. */
export function CustomerSuggestions({ id, typed }: { id: string; typed: string }) {
  const params = { query: { q: typed.trim(), limit: 10 } }
  const { data } = useApi(
    '/api/customers',
    { params },
    { enabled: typed.trim().length > 1, keepPrevious: true, staleTime: 30_000 },
  )
  return (
    <datalist id={id}>
      {data?.items.map((customer) => (
        <option key={customer.customer_id} value={customer.customer_id}>
          {[customer.name, customer.email].filter(Boolean).join(', ')}
        </option>
      ))}
    </datalist>
  )
}
