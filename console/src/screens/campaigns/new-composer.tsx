/** The first step of a campaign that is not on the server yet. */
import { useMutation } from '@tanstack/react-query'
import { useRef } from 'react'
import { useNavigate, useSearchParams } from 'react-router'
import { api, call } from '@/api/client'
import { useInvalidate } from '@/api/query'
import { idempotencyKey } from '@/api/idempotency-key'
import { useKept } from '@/app/kept'
import { Button, ButtonLink } from '@/ui/button'
import { Form, FormProblem } from '@/ui/form'
import { PageHeader } from '@/ui/page'
import { Stepper } from '@/ui/stepper'
import { AudienceStep } from './audience-step'
import { changeOf, type DraftForm, faultsOf, NEW_FORM, STEP_LABELS } from './content'
import { editPath } from './draft-actions'
import { keptDraftKey } from './kept-draft'

export function NewComposer() {
  const [params] = useSearchParams()
  // A link from a segment brings its audience along.
  const segmentId = params.get('segment')
  const first = segmentId ? { ...NEW_FORM, segmentId } : NEW_FORM
  const [form, setForm, forget] = useKept<DraftForm>(
    segmentId ? `${keptDraftKey(null)}.${segmentId}` : keptDraftKey(null),
    first,
  )
  const navigate = useNavigate()
  const invalidate = useInvalidate()
  const faults = faultsOf(form)
  const isReady = !faults.name && !faults.audience
  const attempt = useRef({ content: '', key: '' })

  const create = useMutation({
    mutationFn: () => {
      const change = changeOf(form, ['name', 'audience', 'message', 'tags'])
      const body = { ...change, name: form.name, message: { template: form.template } }
      const content = JSON.stringify(body)
      // Another try with the same content must not make a second draft.
      if (attempt.current.content !== content) {
        attempt.current = { content, key: idempotencyKey() }
      }
      const header = { 'Idempotency-Key': attempt.current.key }
      return call(
        // Rules and a segment exclude each other, as the form does.
        api.POST('/api/campaigns', { params: { header }, body: body as never }),
      )
    },
    onSuccess: async (created) => {
      forget()
      await invalidate('/api/campaigns', '/api/segments')
      await navigate(editPath(created.campaign_id, 'message'), { replace: true })
    },
  })

  return (
    <>
      <PageHeader
        title="New campaign"
        breadcrumbs={[{ label: 'Campaigns', to: '/campaigns' }]}
      />
      <Stepper steps={STEP_LABELS} step="audience" isReachable={() => false} />
      <Form
        error={create.error}
        onSubmit={() => isReady && create.mutate()}
        className="flex flex-col gap-4"
      >
        <AudienceStep
          form={form}
          onChange={(change) => setForm((before) => ({ ...before, ...change }))}
        />
        <FormProblem error={create.error} />
        <footer className="flex flex-wrap items-center justify-end gap-2 border-t border-line pt-4">
          <p className="mr-auto text-sm text-muted" role="status">
            {isReady
              ? 'Continue saves a draft. Nobody gets anything before the launch.'
              : (faults.name ?? faults.audience)}
          </p>
          <ButtonLink to="/campaigns" kind="quiet">
            Cancel
          </ButtonLink>
          <Button
            type="submit"
            kind="primary"
            busy={create.isPending}
            disabled={!isReady}
          >
            Continue
          </Button>
        </footer>
      </Form>
    </>
  )
}
