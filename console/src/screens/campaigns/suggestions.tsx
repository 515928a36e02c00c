import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { api, call, type Schemas } from '@/api/client'
import { useKept } from '@/app/kept'
import { words } from '@/format'
import { Badge } from '@/ui/badge'
import { Button } from '@/ui/button'
import { Field, Form, FormProblem } from '@/ui/form'
import { Input, Select } from '@/ui/input'
import { Card } from '@/ui/page'

type Tone = Schemas['Tone']

const TONES: Tone[] = ['friendly', 'formal', 'playful', 'urgent']

/** Three variants of a message for an objective in plain words. */
export function Suggestions({
  id,
  segmentId,
  current,
  onUse,
}: {
  id: string
  segmentId: string | null
  /** The message as it is, to come back to. */
  current: string
  onUse: (template: string) => void
}) {
  const [objective, setObjective] = useKept(`campaign.${id}.objective`, '')
  const [tone, setTone] = useState<Tone>('friendly')
  const [before, setBefore] = useState<string | null>(null)
  const write = useMutation({
    mutationFn: () => {
      const body = { objective, tone, ...(segmentId ? { segment_id: segmentId } : {}) }
      return call(api.POST('/api/ai/messages', { body }))
    },
  })

  function use(template: string) {
    setBefore(current)
    onUse(template)
  }

  return (
    <Card
      title="Suggestions"
      actions={
        before !== null && (
          <Button
            small
            kind="quiet"
            onClick={() => {
              onUse(before)
              setBefore(null)
            }}
          >
            Back to my text
          </Button>
        )
      }
    >
      <Form
        error={write.error}
        onSubmit={() => write.mutate()}
        className="flex flex-col gap-3"
      >
        <div className="grid items-start gap-3 sm:grid-cols-[minmax(0,1fr)_9rem]">
          <Field
            label="What should the message achieve?"
            pointer="/objective"
            hint="Such as: win back customers who have not ordered for a while"
          >
            <Input
              value={objective}
              onChange={(event) => setObjective(event.target.value)}
            />
          </Field>
          <Field label="Tone" pointer="/tone">
            <Select
              value={tone}
              onChange={(event) => setTone(event.target.value as Tone)}
            >
              {TONES.map((one) => (
                <option key={one} value={one}>
                  {words(one)}
                </option>
              ))}
            </Select>
          </Field>
        </div>
        <FormProblem error={write.error} />
        <div>
          <Button type="submit" icon="spark" busy={write.isPending}>
            Suggest three messages
          </Button>
        </div>
      </Form>
      {write.data && <Variants answer={write.data} current={current} onUse={use} />}
    </Card>
  )
}

function Variants({
  answer,
  current,
  onUse,
}: {
  answer: Schemas['Messages']
  current: string
  onUse: (template: string) => void
}) {
  return (
    <div className="mt-4 flex flex-col gap-3" aria-live="polite">
      <ul className="flex flex-col gap-3">
        {answer.variants.map((variant) => (
          <li
            key={variant.tone}
            className="flex flex-col items-start gap-2 rounded-md border border-line p-3"
          >
            <Badge color="accent">{words(variant.tone)}</Badge>
            <p className="wrap-anywhere whitespace-pre-wrap">{variant.template}</p>
            <Button
              small
              disabled={variant.template === current}
              aria-label={`Use the ${variant.tone} message`}
              onClick={() => onUse(variant.template)}
            >
              {variant.template === current ? 'In use' : 'Use'}
            </Button>
          </li>
        ))}
      </ul>
      <p className="text-sm text-muted">
        {answer.engine === 'builtin'
          ? 'Written by Patron itself.'
          : `Written by ${answer.model ?? 'a language model'}.`}
        {answer.fallback && ` The language model was not used: ${answer.fallback}.`}
      </p>
    </div>
  )
}
