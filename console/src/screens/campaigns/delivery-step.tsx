import { useApi } from '@/api/query'
import { count, duration, words } from '@/format'
import { fromLocalInput, toLocalInput } from '@/format/local-time'
import { viewerTimeZone } from '@/format/time'
import { Button } from '@/ui/button'
import { Field, useFieldErrors } from '@/ui/form'
import { Input, RadioGroup } from '@/ui/input'
import { Card } from '@/ui/page'
import { Time } from '@/ui/time'
import { type DraftForm, faultsOf } from './content'
import { hasPassed, nextOccurrence, sendingTime } from './delivery'
import { useAudience } from './use-audience'

export function DeliveryStep({
  form,
  onChange,
}: {
  form: DraftForm
  onChange: (change: Partial<DraftForm>) => void
}) {
  return (
    <div className="grid items-start gap-4 lg:grid-cols-2">
      <WhenCard form={form} onChange={onChange} />
      <PaceCard form={form} onChange={onChange} />
    </div>
  )
}

interface StepProps {
  form: DraftForm
  onChange: (change: Partial<DraftForm>) => void
}

function WhenCard({ form, onChange }: StepProps) {
  const at = fromLocalInput(form.at)
  const isOver = form.when === 'later' && at !== null && hasPassed(at)
  return (
    <Card title="When">
      <div className="flex flex-col gap-4">
        <RadioGroup
          label="Start"
          hideLabel
          value={form.when}
          onChange={(when) => onChange({ when })}
          choices={[
            { value: 'launch', label: 'At once', hint: 'As soon as you launch it.' },
            {
              value: 'later',
              label: 'At a time',
              hint: 'The launch schedules it. The recipients are fixed when it starts.',
            },
          ]}
        />
        {form.when === 'later' && (
          <Field
            label="Date and time"
            pointer="/scheduled_at"
            error={
              isOver
                ? 'This time has passed. Choose a later one.'
                : faultsOf(form).scheduled_at
            }
            hint={
              <>
                In your time zone, {viewerTimeZone()}.{' '}
                {at && (
                  <>
                    That is <Time at={at} relative />.
                  </>
                )}
              </>
            }
          >
            <Input
              type="datetime-local"
              value={form.at}
              min={toLocalInput(new Date().toISOString())}
              onChange={(event) => onChange({ at: event.target.value })}
              className="max-w-60"
            />
          </Field>
        )}
        {form.audience === 'segment' && form.segmentId && (
          <BestTime
            segmentId={form.segmentId}
            onUse={(instant) => onChange({ when: 'later', at: toLocalInput(instant) })}
          />
        )}
      </div>
    </Card>
  )
}

/** When most of the segment's customers are active, to begin then. */
function BestTime({
  segmentId,
  onUse,
}: {
  segmentId: string
  onUse: (instant: string) => void
}) {
  const best = useApi(
    '/api/ai/send-time',
    { params: { query: { segment_id: segmentId, time_zone: viewerTimeZone() } } },
    { staleTime: 60_000 },
  )
  // It is a suggestion: without an answer the step works as well.
  if (!best.data || !best.data.weekday || best.data.hour == null) return null
  const { weekday, hour, explanation, time_zone } = best.data
  return (
    <div className="flex flex-col items-start gap-2 rounded-md border border-line bg-sunken px-3 py-2.5">
      <p className="text-sm">
        {explanation} Hours in {time_zone}.
      </p>
      <Button small icon="clock" onClick={() => onUse(nextOccurrence(weekday, hour))}>
        Use next {words(weekday)}, {String(hour).padStart(2, '0')}:00
      </Button>
    </div>
  )
}

function PaceCard({ form, onChange }: StepProps) {
  const audience = useAudience(form)
  const rate = Number(form.rate)
  const size = audience.data?.count
  // The API may refuse the rate; the radio buttons have no place of their own for that.
  const refused = useFieldErrors(
    form.pace === 'full' ? '/messages_per_second' : undefined,
  )
  return (
    <Card title="How fast">
      <div className="flex flex-col gap-4">
        <RadioGroup
          label="Pace"
          hideLabel
          value={form.pace}
          onChange={(pace) => onChange({ pace })}
          choices={[
            {
              value: 'full',
              label: 'As fast as the vendor takes them',
              hint: refused[0],
            },
            {
              value: 'limited',
              label: 'Not faster than a rate',
              hint: 'For a vendor with a limit, or to notice a mistake in time.',
            },
          ]}
        />
        {form.pace === 'limited' && (
          <Field
            label="Messages per second"
            pointer="/messages_per_second"
            error={faultsOf(form).messages_per_second}
            hint={
              size !== undefined && rate > 0
                ? `${count(size, 'message')} take at least ${duration(sendingTime(size, rate))}.`
                : 'From 1 to 100,000.'
            }
          >
            <Input
              inputMode="numeric"
              value={form.rate}
              onChange={(event) => onChange({ rate: event.target.value })}
              className="max-w-40"
            />
          </Field>
        )}
      </div>
    </Card>
  )
}
