/** The composer of a draft that is on the server. */
import { useMemo, useRef, useState } from 'react'
import { useNavigate } from 'react-router'
import type { Schemas } from '@/api/client'
import { ApiError, type FieldError } from '@/api/error'
import { useScreenActions } from '@/app/actions'
import { keep, readKept } from '@/app/kept'
import { useQueryParam } from '@/url/use-query-param'
import { CampaignStatusBadge } from '@/ui/badge'
import { Button, buttonClass } from '@/ui/button'
import { cx } from '@/ui/cx'
import { FormErrors } from '@/ui/form'
import { Icon } from '@/ui/icon'
import { Menu } from '@/ui/menu'
import { PageHeader } from '@/ui/page'
import { Problem } from '@/ui/problem'
import { Stepper } from '@/ui/stepper'
import { AudienceStep } from './audience-step'
import {
  type DraftForm,
  faultsOf,
  formOf,
  isSaved,
  openSteps,
  refusalsOf,
  savedState,
  STEP_LABELS,
  STEPS,
  type Step,
  stepOf,
} from './content'
import { DeliveryStep } from './delivery-step'
import { useDraftActions } from './draft-actions'
import { keptDraftKey } from './kept-draft'
import { MessageStep } from './message-step'
import { ReviewStep } from './review-step'
import { SaveStatus } from './save-status'
import { useAutosave } from './use-autosave'

export function DraftComposer({ campaign }: { campaign: Schemas['Campaign'] }) {
  const id = campaign.campaign_id
  // What was typed last in this tab and did not reach the server comes first.
  const [form, setForm] = useState(
    () => readKept<DraftForm>(keptDraftKey(id)) ?? formOf(campaign),
  )
  const [initial] = useState(() => savedState(formOf(campaign)))
  const saving = useAutosave(id, form, initial)
  const [stepText] = useQueryParam('step', 'audience')
  const step = stepOf(stepText)
  const navigate = useNavigate()
  const drafts = useDraftActions()
  const latest = useRef(form)
  const change = (part: Partial<DraftForm>) => {
    latest.current = { ...latest.current, ...part }
    // At once, not when React renders: the page may be left before that.
    keep(keptDraftKey(id), latest.current)
    setForm(latest.current)
  }

  const refusals = refusalsOf(form, saving.state)
  const open = openSteps(form, saving.state)
  const shownError = useRefusalError(refusals)
  const at = STEPS.indexOf(step)

  function go(to: Step | undefined) {
    if (!to) return
    void saving.flush()
    void navigate({ search: `?step=${to}` })
  }

  useScreenActions([
    {
      id: 'clone',
      label: 'Clone this draft',
      icon: 'copy',
      run: () => drafts.clone(campaign),
    },
    {
      id: 'delete',
      label: 'Delete this draft',
      icon: 'trash',
      run: () => drafts.remove(campaign),
    },
  ])

  return (
    <>
      <PageHeader
        title={form.name.trim() || 'Campaign without a name'}
        breadcrumbs={[{ label: 'Campaigns', to: '/campaigns' }]}
        badge={
          <>
            <CampaignStatusBadge status={campaign.status} />
            <SaveStatus saving={saving} isSaved={isSaved(form, saving.state)} />
          </>
        }
        actions={
          <Menu
            label="More actions"
            button={<Icon name="more" />}
            buttonClass={cx(buttonClass('secondary'), 'w-8 px-0! touch:w-11')}
            items={[
              { label: 'Clone', icon: 'copy', onSelect: () => drafts.clone(campaign) },
              {
                label: 'Delete draft',
                icon: 'trash',
                danger: true,
                onSelect: () => drafts.remove(campaign),
              },
            ]}
          />
        }
      />
      <Stepper steps={STEP_LABELS} step={step} faulty={open} isReachable={() => true} />
      <FormErrors error={shownError}>
        <div className="flex flex-col gap-4">
          {saving.failure ? (
            <Problem error={saving.failure} onRetry={() => void saving.flush()}>
              What you typed is kept in this tab.
            </Problem>
          ) : null}
          {step === 'audience' && (
            <AudienceStep form={form} onChange={change} showFaults />
          )}
          {step === 'message' && <MessageStep id={id} form={form} onChange={change} />}
          {step === 'delivery' && <DeliveryStep form={form} onChange={change} />}
          {step === 'review' && (
            <ReviewStep campaign={campaign} form={form} saving={saving} open={open} />
          )}
          {step !== 'review' && (
            <footer className="flex flex-wrap items-center justify-end gap-2 border-t border-line pt-4">
              <p className="mr-auto text-sm text-muted">{faultOf(form, step)}</p>
              {at > 0 && <Button onClick={() => go(STEPS[at - 1])}>Back</Button>}
              <Button kind="primary" onClick={() => go(STEPS[at + 1])}>
                Continue
              </Button>
            </footer>
          )}
        </div>
      </FormErrors>
      {drafts.dialog}
    </>
  )
}

/** The first thing that the open step still needs. */
function faultOf(form: DraftForm, step: Step): string | undefined {
  const faults = faultsOf(form)
  return {
    audience: faults.name ?? faults.audience,
    message: faults.message,
    delivery: faults.scheduled_at ?? faults.messages_per_second,
    review: undefined,
  }[step]
}

/** Refusals of several requests as one error, so that each field finds its own. */
function useRefusalError(refusals: FieldError[]): ApiError | null {
  const text = JSON.stringify(refusals)
  return useMemo(() => {
    const errors = JSON.parse(text) as FieldError[]
    if (errors.length === 0) return null
    const request = { method: 'PATCH', path: '' }
    return new ApiError(422, 'about:blank', '', '', errors, null, null, request)
  }, [text])
}
