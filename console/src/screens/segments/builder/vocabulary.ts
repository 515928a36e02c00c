/** Names and values that the shop uses, to suggest them in the builder. */
import { useMemo } from 'react'
import type { Schemas } from '@/api/client'
import { useApi } from '@/api/query'
import { leaves } from '@/format/attributes'

type Customer = Schemas['Customer']

export interface Vocabulary {
  /** The deployment's currency; `null` while no customer has told it. */
  currency: string | null
  attributes: string[]
  activities: string[]
  /** Values by field. */
  values: Partial<Record<string, string[]>>
}

/** How many customers are read for suggestions. */
const READ = 200

/** How many suggestions of one kind are offered. */
const OFFERED = 50

function vocabularyOf(customers: readonly Customer[]): Vocabulary {
  const distinct = (values: (customer: Customer) => (string | null | undefined)[]) => {
    const found = new Set<string>()
    for (const customer of customers) {
      for (const value of values(customer)) if (value) found.add(value)
    }
    return [...found].sort((a, b) => a.localeCompare(b)).slice(0, OFFERED)
  }
  return {
    currency: customers[0]?.currency ?? null,
    attributes: distinct(({ attributes }) => leaves(attributes).map(([path]) => path)),
    activities: distinct(({ events }) => Object.keys(events)),
    values: {
      tags: distinct(({ tags }) => tags),
      city: distinct(({ city }) => [city]),
      country: distinct(({ country }) => [country]),
    },
  }
}

export function useVocabulary(): Vocabulary {
  const params = { query: { limit: READ } }
  const { data } = useApi('/api/customers', { params }, { staleTime: 10 * 60_000 })
  return useMemo(() => vocabularyOf(data?.items ?? []), [data])
}
