import { useState } from 'react'
import { useNavigate } from 'react-router'
import { useScreenActions } from '@/app/actions'
import { Button, ButtonLink } from '@/ui/button'
import { CopyCurl } from '@/ui/copy'
import { ConfirmDialog } from '@/ui/dialog'
import { Field, fieldErrors, FormErrors, FormProblem } from '@/ui/form'
import { Input, Textarea } from '@/ui/input'
import { Card } from '@/ui/page'
import { Time } from '@/ui/time'
import { toast } from '@/ui/toast'
import { useQueryParam } from '@/url/use-query-param'
import { AsOfPicker } from './as-of-picker'
import { RuleEditor } from './builder/rule-editor'
import { bodyOf, isChanged, type Segment, type SegmentEdit } from './edit-state'
import { ChangedMeanwhile, useSaveSegment } from './save'

interface EditFormProps {
  /** The segment as it is saved; `null` for a new one. */
  segment: Segment | null
  base: SegmentEdit
  edit: SegmentEdit
  /** Gets what changed; the rest stays as it is by then. */
  onEdit: (part: Partial<SegmentEdit>) => void
  onForget: () => void
}

export function EditForm({ segment, base, edit, onEdit, onForget }: EditFormProps) {
  const navigate = useNavigate()
  const [asOf, setAsOf] = useQueryParam('as_of')
  const id = segment?.segment_id ?? null
  const save = useSaveSegment(id, (segmentId) => {
    onForget()
    toast(segment ? 'The segment was saved.' : 'The segment was created.')
    void navigate(`/segments/${segmentId}`)
  })
  const change = (part: Partial<SegmentEdit>) => {
    // What the API said of the last attempt is about what was sent then.
    if (part.rules !== undefined && save.error) save.reset()
    onEdit(part)
  }
  const changed = segment === null || isChanged(edit, base)
  const submit = () => {
    if (!save.isPending) save.mutate({ edit })
  }
  useScreenActions([
    { id: 'save', label: 'Save the segment', icon: 'check', run: submit },
  ])
  return (
    <FormErrors error={save.error}>
      <div className="flex flex-col gap-4">
        <OldVersion segment={segment} edit={edit} onForget={onForget} />
        <Card>
          <div className="grid gap-4 md:grid-cols-2">
            <Field label="Name" pointer="/name">
              <Input
                value={edit.name}
                onChange={(event) => change({ name: event.currentTarget.value })}
              />
            </Field>
            <Field label="Description" pointer="/description" optional>
              <Textarea
                rows={1}
                value={edit.description}
                onChange={(event) => change({ description: event.currentTarget.value })}
              />
            </Field>
          </div>
        </Card>
        <RuleEditor
          value={edit.rules}
          onChange={(rules) => change({ rules })}
          prompt={edit.prompt}
          onPrompt={(prompt) => change({ prompt })}
          asOf={asOf || null}
          faults={fieldErrors(save.error)}
          sample
          actions={<AsOfPicker value={asOf} onChange={setAsOf} />}
        />
        <SaveProblem
          error={save.error}
          onOverwrite={() => save.mutate({ edit, overwrite: true })}
        />
        <div className="sticky bottom-0 z-1 -mx-1 flex flex-wrap items-center gap-2 border-t border-line bg-bg px-1 py-3">
          <Button
            kind="primary"
            busy={save.isPending}
            disabled={!changed}
            onClick={submit}
          >
            {segment ? 'Save changes' : 'Create segment'}
          </Button>
          <ButtonLink to={id ? `/segments/${id}` : '/segments'} kind="quiet">
            Cancel
          </ButtonLink>
          <Discard isOffered={isChanged(edit, base)} onDiscard={onForget} />
          <span className="ml-auto">
            <CopyCurl
              method={id ? 'PUT' : 'POST'}
              path={id ? `/api/segments/${id}` : '/api/segments'}
              body={bodyOf(edit)}
            />
          </span>
        </div>
      </div>
    </FormErrors>
  )
}

/** An edit that was kept may have begun before somebody else's change. */
function OldVersion({
  segment,
  edit,
  onForget,
}: {
  segment: Segment | null
  edit: SegmentEdit
  onForget: () => void
}) {
  if (!segment || edit.version === segment.version) return null
  return (
    <div
      role="status"
      className="rounded-md border border-warn/40 bg-warn-soft px-3 py-2.5"
    >
      <p>
        <strong className="font-medium">{segment.updated_by}</strong> changed this segment{' '}
        <Time at={segment.updated_at} relative />, after you began to edit it. You see
        your own text.
      </p>
      <Button small className="mt-2" onClick={onForget}>
        Discard mine and show the saved one
      </Button>
    </div>
  )
}

function SaveProblem({
  error,
  onOverwrite,
}: {
  error: unknown
  onOverwrite: () => void
}) {
  if (!(error instanceof ChangedMeanwhile)) return <FormProblem error={error} />
  return (
    <div
      role="alert"
      className="rounded-md border border-warn/40 bg-warn-soft px-3 py-2.5"
    >
      <p>
        Not saved: <strong className="font-medium">{error.current.updated_by}</strong>{' '}
        changed this segment <Time at={error.current.updated_at} relative />. Its rules
        now are:
      </p>
      <p className="mt-1 font-mono text-sm wrap-anywhere">{error.current.text}</p>
      <Button small kind="danger" className="mt-2" onClick={onOverwrite}>
        Save mine instead
      </Button>
    </div>
  )
}

function Discard({
  isOffered,
  onDiscard,
}: {
  isOffered: boolean
  onDiscard: () => void
}) {
  const [asks, setAsks] = useState(false)
  if (!isOffered) return null
  return (
    <>
      <Button kind="quiet" onClick={() => setAsks(true)}>
        Discard changes
      </Button>
      <span className="text-sm text-muted">Unsaved changes are kept in this tab.</span>
      <ConfirmDialog
        open={asks}
        onClose={() => setAsks(false)}
        title="Discard the changes?"
        confirm="Discard changes"
        danger
        onConfirm={() => {
          setAsks(false)
          onDiscard()
        }}
      >
        <p>What you typed since the last save is removed.</p>
      </ConfirmDialog>
    </>
  )
}
