import { useMutation } from '@tanstack/react-query'
import { api, call, type Schemas } from '@/api/client'
import { useInvalidate } from '@/api/query'
import { useKept } from '@/app/kept'
import { Button } from '@/ui/button'
import { CopyCurl } from '@/ui/copy'
import { Dialog } from '@/ui/dialog'
import { Field, Form, FormProblem } from '@/ui/form'
import { Input } from '@/ui/input'
import { toast } from '@/ui/toast'

export function AddDialog({ onClose }: { onClose: () => void }) {
  const invalidate = useInvalidate()
  const [address, setAddress, forget] = useKept('suppress-address', '')
  const body = { address: address.trim() }
  const add = useMutation({
    mutationFn: () => call(api.POST('/api/suppressions', { body })),
    onSuccess: async (answer) => {
      const isNew = (answer as Schemas['Accepted']).outcome !== 'unchanged'
      toast(
        isNew
          ? `${body.address} gets no more messages.`
          : `${body.address} is on the list already.`,
      )
      forget()
      await invalidate('/api/suppressions')
      onClose()
    },
  })
  const submit = () => {
    // Enter submits too, also while a request is under way.
    if (body.address && !add.isPending) add.mutate()
  }
  return (
    <Dialog
      open
      onClose={onClose}
      title="Suppress an address"
      footer={
        <>
          <span className="mr-auto">
            <CopyCurl method="POST" path="/api/suppressions" body={body} />
          </span>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            kind="primary"
            busy={add.isPending}
            disabled={!body.address}
            onClick={submit}
          >
            Suppress
          </Button>
        </>
      }
    >
      <Form error={add.error} onSubmit={submit} className="flex flex-col gap-4">
        <Field
          label="Address"
          pointer="/address"
          hint="An email address or a phone number. No campaign sends to it any more, whoever has it."
        >
          <Input value={address} onChange={(event) => setAddress(event.target.value)} />
        </Field>
        <FormProblem error={add.error} />
      </Form>
    </Dialog>
  )
}
