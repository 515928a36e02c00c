/** Finds another customer by the start of an id, a name or an email address. */
import { useDeferredValue, useState } from 'react'
import { useApi } from '@/api/query'
import { count } from '@/format'
import { Field } from '@/ui/form'
import { Input, RadioGroup } from '@/ui/input'
import { Problem } from '@/ui/problem'
import type { Customer } from './columns'

export function CustomerPicker({
  exclude,
  value,
  onChange,
}: {
  /** The customer who cannot be chosen. */
  exclude: string
  value: string | null
  onChange: (id: string | null) => void
}) {
  const [typed, setTyped] = useState(value ?? '')
  const search = useDeferredValue(typed.trim())
  const found = useApi(
    '/api/customers',
    { params: { query: { q: search, limit: 7 } } },
    { enabled: search !== '', keepPrevious: true },
  )
  const choices = found.data?.items.filter((one) => one.customer_id !== exclude)
  return (
    <>
      <Field label="Customer" hint="Start of an id, a name or an email address">
        <Input
          value={typed}
          spellCheck={false}
          onChange={(event) => {
            setTyped(event.target.value)
            onChange(null)
          }}
        />
      </Field>
      {found.error && <Problem error={found.error} />}
      {search !== '' && choices && choices.length > 0 && (
        <RadioGroup
          label="Customers that were found"
          hideLabel
          value={value}
          onChange={onChange}
          choices={choices.slice(0, 6).map((one) => ({
            value: one.customer_id,
            label: <span className="wrap-anywhere">{nameOf(one)}</span>,
            hint: <span className="wrap-anywhere">{detailsOf(one)}</span>,
          }))}
        />
      )}
      {search !== '' && choices?.length === 0 && (
        <p role="status" className="text-muted">
          No other customer is found.
        </p>
      )}
    </>
  )
}

export function nameOf(customer: Customer): string {
  return customer.name ?? customer.customer_id
}

function detailsOf(customer: Customer): string {
  return [
    customer.name && customer.customer_id,
    customer.email,
    count(customer.order_count, 'order'),
  ]
    .filter(Boolean)
    .join(' · ')
}
