/** Records that a customer agreed to messages, or opted out. */
import { useMutation } from '@tanstack/react-query'
import { api, call } from '@/api/client'
import { useInvalidate } from '@/api/query'
import { useKept } from '@/app/kept'
import { fromLocalInput } from '@/format/local-time'
import { Button } from '@/ui/button'
import { CopyCurl } from '@/ui/copy'
import { Dialog } from '@/ui/dialog'
import { Field, Form, FormProblem } from '@/ui/form'
import { Input, RadioGroup, Textarea } from '@/ui/input'
import { toast } from '@/ui/toast'
import type { Customer } from './columns'
import type { ConsentState } from './consents'
import { nameOf } from './customer-picker'

export function ConsentDialog({
  customer,
  onClose,
}: {
  customer: Customer
  onClose: () => void
}) {
  const id = customer.customer_id
  const invalidate = useInvalidate()
  const opposite: ConsentState = customer.unsubscribed ? 'subscribed' : 'unsubscribed'
  const [form, setForm, forget] = useKept(`consent ${id}`, {
    state: opposite,
    source: '',
    wording: '',
    at: '',
  })
  const at = form.at ? fromLocalInput(form.at) : null
  const impossible = form.at !== '' && at === null
  const body = {
    state: form.state,
    source: form.source.trim(),
    ...(form.wording.trim() ? { wording: form.wording.trim() } : {}),
    ...(at ? { at } : {}),
  }
  const record = useMutation({
    mutationFn: () =>
      call(api.POST('/api/customers/{id}/consents', { params: { path: { id } }, body })),
    onSuccess: async () => {
      toast(
        body.state === 'subscribed'
          ? `${nameOf(customer)} is subscribed.`
          : `${nameOf(customer)} is unsubscribed.`,
      )
      forget()
      await invalidate('/api/customers')
      onClose()
    },
  })
  const submit = () => {
    // Enter in a field submits too, also while a request is under way.
    if (body.source && !impossible && !record.isPending) record.mutate()
  }
  return (
    <Dialog
      open
      onClose={onClose}
      title={`Record a consent of ${nameOf(customer)}`}
      footer={
        <>
          <span className="mr-auto">
            <CopyCurl
              method="POST"
              path={`/api/customers/${encodeURIComponent(id)}/consents`}
              body={body}
            />
          </span>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            kind="primary"
            busy={record.isPending}
            disabled={!body.source || impossible}
            onClick={submit}
          >
            Record
          </Button>
        </>
      }
    >
      <Form error={record.error} onSubmit={submit} className="flex flex-col gap-4">
        <RadioGroup
          label="The customer"
          value={form.state}
          onChange={(state) => setForm({ ...form, state })}
          choices={[
            {
              value: 'subscribed',
              label: 'agreed to messages',
              hint: customer.unsubscribed
                ? 'Lifts the opt-out. Other customers with the same address keep theirs.'
                : undefined,
            },
            { value: 'unsubscribed', label: 'opted out of messages' },
          ]}
        />
        <Field
          label="Source"
          pointer="/source"
          hint="Where they said so, such as “phone call” or “form at the fair”."
        >
          <Input
            value={form.source}
            onChange={(event) => setForm({ ...form, source: event.target.value })}
          />
        </Field>
        <Field
          label="Wording"
          optional
          pointer="/wording"
          hint="What they agreed to, word for word."
        >
          <Textarea
            rows={3}
            value={form.wording}
            onChange={(event) => setForm({ ...form, wording: event.target.value })}
          />
        </Field>
        <Field
          label="Time"
          optional
          pointer="/at"
          hint={`When they said so; by default, now.${customer.unsubscribed ? ' A consent has to be later than the opt-out.' : ''}`}
          error={impossible ? 'This time does not exist in your time zone.' : null}
        >
          <Input
            type="datetime-local"
            value={form.at}
            onChange={(event) => setForm({ ...form, at: event.target.value })}
          />
        </Field>
        <FormProblem error={record.error} />
        <button type="submit" className="sr-only" tabIndex={-1}>
          Record
        </button>
      </Form>
    </Dialog>
  )
}
