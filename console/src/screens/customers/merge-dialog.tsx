/** Merges a customer into another one: who that is, what happens, and a confirmation. */
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { api, call } from '@/api/client'
import { useApi, useInvalidate } from '@/api/query'
import { money, number } from '@/format'
import { useSetQueryParams } from '@/url/use-query-param'
import { Button } from '@/ui/button'
import { ConfirmDialog, Dialog } from '@/ui/dialog'
import { None } from '@/ui/page'
import { Read } from '@/ui/state'
import type { Customer } from './columns'
import { CustomerPicker, nameOf } from './customer-picker'

export function MergeDialog({
  customer,
  into,
  onClose,
}: {
  customer: Customer
  /** Id of the customer who stays; empty before one is chosen. */
  into: string
  onClose: () => void
}) {
  const setParams = useSetQueryParams()
  if (into) return <Confirm customer={customer} into={into} onClose={onClose} />
  return (
    <ChooseTarget
      customer={customer}
      onChosen={(target) => setParams({ into: target }, { push: true })}
      onClose={onClose}
    />
  )
}

function ChooseTarget({
  customer,
  onChosen,
  onClose,
}: {
  customer: Customer
  onChosen: (target: string) => void
  onClose: () => void
}) {
  const [target, setTarget] = useState<string | null>(null)
  return (
    <Dialog
      open
      onClose={onClose}
      title={`Merge ${nameOf(customer)} into another customer`}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            kind="primary"
            disabled={target === null}
            onClick={() => target && onChosen(target)}
          >
            Continue
          </Button>
        </>
      }
    >
      <p>
        For one person who is recorded as two customers. Choose the customer who stays.
      </p>
      <CustomerPicker
        exclude={customer.customer_id}
        value={target}
        onChange={setTarget}
      />
    </Dialog>
  )
}

function Confirm({
  customer,
  into,
  onClose,
}: {
  customer: Customer
  into: string
  onClose: () => void
}) {
  const id = customer.customer_id
  const setParams = useSetQueryParams()
  const invalidate = useInvalidate()
  const target = useApi('/api/customers/{id}', { params: { path: { id: into } } })
  const merge = useMutation({
    mutationFn: () =>
      call(
        api.POST('/api/customers/{id}/merge', {
          params: { path: { id } },
          body: { into },
        }),
      ),
    onSuccess: (job) => {
      setParams({ dialog: null, into: null, merge: job.job_id })
      void invalidate('/api/customers')
    },
  })
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      onConfirm={() => merge.mutate()}
      title={`Merge ${nameOf(customer)} into ${target.data ? nameOf(target.data) : into}?`}
      confirm="Merge"
      danger
      busy={merge.isPending}
      error={merge.error}
      typeToConfirm={id}
      request={{
        method: 'POST',
        path: `/api/customers/${encodeURIComponent(id)}/merge`,
        body: { into },
      }}
    >
      <Read query={target} lines={3}>
        {(data) => (
          <>
            <Comparison goes={customer} stays={data} />
            <Consequences goes={id} stays={into} />
          </>
        )}
      </Read>
      <div>
        <Button small kind="quiet" onClick={() => setParams({ into: null })}>
          Choose another customer
        </Button>
      </div>
    </ConfirmDialog>
  )
}

const ROWS: { term: string; value: (customer: Customer) => string | null | undefined }[] =
  [
    { term: 'Id', value: (customer) => customer.customer_id },
    { term: 'Name', value: (customer) => customer.name },
    { term: 'Email', value: (customer) => customer.email },
    { term: 'Phone', value: (customer) => customer.phone },
    { term: 'Orders', value: (customer) => number(customer.order_count) },
    {
      term: 'Spend',
      value: (customer) => money(customer.total_spend, customer.currency),
    },
    {
      term: 'Messages',
      value: (customer) => (customer.unsubscribed ? 'Unsubscribed' : 'Subscribed'),
    },
  ]

/** Both customers beside each other, so that nobody merges the wrong ones. */
function Comparison({ goes, stays }: { goes: Customer; stays: Customer }) {
  return (
    <table className="w-full table-fixed border-collapse text-sm">
      <caption className="sr-only">The two customers</caption>
      <thead>
        <tr className="border-b border-line text-left text-muted">
          <td className="w-20" />
          <th scope="col" className="py-1 pr-2 font-medium">
            Is merged
          </th>
          <th scope="col" className="py-1 font-medium">
            Stays
          </th>
        </tr>
      </thead>
      <tbody>
        {ROWS.map(({ term, value }) => (
          <tr key={term} className="border-b border-line align-top last:border-0">
            <th scope="row" className="py-1 text-left font-normal text-muted">
              {term}
            </th>
            <td className="py-1 pr-2 wrap-anywhere">{value(goes) ?? <None />}</td>
            <td className="py-1 wrap-anywhere">{value(stays) ?? <None />}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Consequences({ goes, stays }: { goes: string; stays: string }) {
  return (
    <ul className="flex list-disc flex-col gap-1 pl-5 wrap-anywhere">
      <li>
        The orders and the activity of {goes} move to {stays}. Of orders with the same id,
        that of {stays} stays.
      </li>
      <li>
        Tags are united. What {stays} lacks is filled from {goes}; where both have a
        value, that of {stays} stays.
      </li>
      <li>If either of them is unsubscribed, {stays} is.</li>
      <li>
        {goes} can still be read, with its messages, but is in no list, segment or figure.
        Data that comes for {goes} later goes to {stays}.
      </li>
      <li>A merge cannot be undone.</li>
    </ul>
  )
}
