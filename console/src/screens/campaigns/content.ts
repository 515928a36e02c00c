/**
 * The composer's form, and what it says in terms of the API. Pure: no request, no clock.
 */
import type { Schemas } from '@/api/client'
import type { FieldError } from '@/api/error'
import type { Schemas as S } from '@/api/client'

type DraftChange = S['CampaignChanges']
import { fromLocalInput, toLocalInput } from '@/format/local-time'
import { isWithin } from '@/ui/form'

export type Rules = Schemas['Rules']

/** What the person typed and chose. Texts are as they were typed. */
export interface DraftForm {
  name: string
  audience: 'segment' | 'rules'
  segmentId: string
  rules: Rules
  template: string
  /** Separated by commas. */
  tags: string
  when: 'launch' | 'later'
  /** Local time of the input. */
  at: string
  pace: 'full' | 'limited'
  /** Messages per second. */
  rate: string
}

/** A new draft begins with this message. */
export const STARTER = 'Hi {{ name | default("there") }},\n\n'

export const NEW_FORM: DraftForm = {
  name: '',
  audience: 'segment',
  segmentId: '',
  rules: '',
  template: STARTER,
  tags: '',
  when: 'launch',
  at: '',
  pace: 'full',
  rate: '',
}

/** A field of the form that has a value in requests. */
export type FormField =
  'name' | 'audience' | 'message' | 'scheduled_at' | 'tags' | 'messages_per_second'

/** What a form says to the API, without the fields that say nothing yet. */
export type DraftContent = Partial<Record<FormField, DraftChange>>

export type Faults = Partial<Record<FormField, string>>

export function formOf(campaign: Schemas['Campaign']): DraftForm {
  return {
    name: campaign.name,
    audience: campaign.segment_id ? 'segment' : 'rules',
    segmentId: campaign.segment_id ?? '',
    // The text is what a person reads; the tree says the same.
    rules: campaign.segment_id ? '' : (campaign.text ?? campaign.rules ?? ''),
    template: campaign.message.template,
    tags: campaign.tags.join(', '),
    when: campaign.scheduled_at ? 'later' : 'launch',
    at: toLocalInput(campaign.scheduled_at),
    pace: campaign.messages_per_second ? 'limited' : 'full',
    rate: campaign.messages_per_second ? String(campaign.messages_per_second) : '',
  }
}

/** Labels of a text: separated by commas, each once. */
export function tagsOf(text: string): string[] {
  const labels = text.split(',').map((label) => label.trim())
  return [...new Set(labels.filter((label) => label !== ''))]
}

/**
 * What keeps fields from being sent at all. Everything that the API can judge is left to
 * the API.
 */
export function faultsOf(form: DraftForm): Faults {
  const faults: Faults = {}
  if (form.name.trim() === '') faults.name = 'Give the campaign a name.'
  if (form.audience === 'segment' && !form.segmentId) {
    faults.audience = 'Choose a segment.'
  }
  if (form.audience === 'rules' && isEmptyRules(form.rules)) {
    faults.audience = 'Say who gets it.'
  }
  if (form.template === '') faults.message = 'Write a message.'
  if (form.when === 'later' && !fromLocalInput(form.at)) {
    faults.scheduled_at = 'Choose a date and a time.'
  }
  if (form.pace === 'limited' && !/^\s*\d+(\.\d+)?\s*$/.test(form.rate)) {
    faults.messages_per_second = 'Give a number of messages per second.'
  }
  return faults
}

function isEmptyRules(rules: Rules): boolean {
  if (typeof rules === 'string') return rules.trim() === ''
  return (rules as { rules?: unknown[] }).rules?.length === 0
}

export function contentOf(form: DraftForm): DraftContent {
  const faults = faultsOf(form)
  const all: Record<FormField, DraftChange> = {
    name: { name: form.name },
    audience:
      form.audience === 'segment'
        ? { segment_id: form.segmentId }
        : { rules: form.rules },
    message: { message: { template: form.template } },
    scheduled_at: {
      scheduled_at: form.when === 'later' ? fromLocalInput(form.at) : null,
    },
    tags: { tags: tagsOf(form.tags) },
    messages_per_second: {
      messages_per_second: form.pace === 'limited' ? Number(form.rate) : null,
    },
  }
  return Object.fromEntries(
    Object.entries(all).filter(([field]) => !(field in faults)),
  ) as DraftContent
}

/** The audience as a preview takes it; `null` while none is chosen. */
export function audienceOf(
  form: DraftForm,
): { segment_id: string } | { rules: Rules } | null {
  if (faultsOf(form).audience) return null
  return form.audience === 'segment'
    ? { segment_id: form.segmentId }
    : { rules: form.rules }
}

/** A refused value, with what the API says about it. */
export interface Refusal {
  value: string
  errors: FieldError[]
}

/** How far the server has the form. */
export interface SaveState {
  /** What the server has accepted, field by field, as JSON. */
  accepted: Partial<Record<FormField, string>>
  /** What it has refused. */
  refused: Partial<Record<FormField, Refusal>>
}

/** The state of a draft that was just read. */
export function savedState(form: DraftForm): SaveState {
  return { accepted: textsOf(contentOf(form)), refused: {} }
}

function textsOf(content: DraftContent): SaveState['accepted'] {
  return Object.fromEntries(
    Object.entries(content).map(([field, value]) => [field, JSON.stringify(value)]),
  )
}

/** Fields to send now: neither accepted nor refused as they are. */
export function toSend(form: DraftForm, state: SaveState): FormField[] {
  const texts = textsOf(contentOf(form))
  return (Object.keys(texts) as FormField[]).filter(
    (field) =>
      texts[field] !== state.accepted[field] &&
      texts[field] !== state.refused[field]?.value,
  )
}

/** The body that sends these fields. */
export function changeOf(form: DraftForm, fields: FormField[]): DraftChange {
  const content = contentOf(form)
  return Object.assign({}, ...fields.map((field) => content[field])) as DraftChange
}

/** The state after the server accepted these fields of a form. */
export function accept(
  state: SaveState,
  form: DraftForm,
  fields: FormField[],
): SaveState {
  const texts = textsOf(contentOf(form))
  const refused = { ...state.refused }
  const accepted = { ...state.accepted }
  for (const field of fields) {
    accepted[field] = texts[field]
    delete refused[field]
  }
  return { accepted, refused }
}

const POINTERS: Record<FormField, string[]> = {
  name: ['/name'],
  audience: ['/segment_id', '/rules'],
  message: ['/message'],
  scheduled_at: ['/scheduled_at'],
  tags: ['/tags'],
  messages_per_second: ['/messages_per_second'],
}

/**
 * The state after the server refused a change; `null` if the refusal is about none of its
 * fields. The other fields of the change are sent again by themselves.
 */
export function refuse(
  state: SaveState,
  form: DraftForm,
  fields: FormField[],
  errors: FieldError[],
): SaveState | null {
  const texts = textsOf(contentOf(form))
  const refused = { ...state.refused }
  let isAboutOne = false
  for (const field of fields) {
    const own = errors.filter((error) => belongsTo(error, field))
    if (own.length === 0) continue
    isAboutOne = true
    refused[field] = { value: texts[field] ?? '', errors: own }
  }
  return isAboutOne ? { ...state, refused } : null
}

function belongsTo(error: FieldError, field: FormField): boolean {
  return POINTERS[field].some((pointer) => isWithin(error.pointer, pointer))
}

/** What the API says about the form as it is now. */
export function refusalsOf(form: DraftForm, state: SaveState): FieldError[] {
  const texts = textsOf(contentOf(form))
  return (Object.entries(state.refused) as [FormField, Refusal][]).flatMap(
    ([field, refusal]) => (refusal.value === texts[field] ? refusal.errors : []),
  )
}

/** Returns true if the server has all of the form. */
export function isSaved(form: DraftForm, state: SaveState): boolean {
  return (
    Object.keys(faultsOf(form)).length === 0 &&
    toSend(form, state).length === 0 &&
    refusalsOf(form, state).length === 0
  )
}

export const STEPS = ['audience', 'message', 'delivery', 'review'] as const

export type Step = (typeof STEPS)[number]

/** The steps as they are shown. */
export const STEP_LABELS: readonly { id: Step; label: string }[] = [
  { id: 'audience', label: 'Audience' },
  { id: 'message', label: 'Message' },
  { id: 'delivery', label: 'When and how fast' },
  { id: 'review', label: 'Review' },
]

export function stepOf(text: string): Step {
  return STEPS.find((step) => step === text) ?? 'audience'
}

const FIELDS_OF: Record<Step, FormField[]> = {
  audience: ['name', 'audience', 'tags'],
  message: ['message'],
  delivery: ['scheduled_at', 'messages_per_second'],
  review: [],
}

/** Steps with something that must change before the launch. */
export function openSteps(form: DraftForm, state: SaveState): Step[] {
  const faults = faultsOf(form)
  const refusals = refusalsOf(form, state)
  return STEPS.filter((step) =>
    FIELDS_OF[step].some(
      (field) => field in faults || refusals.some((refusal) => belongsTo(refusal, field)),
    ),
  )
}
