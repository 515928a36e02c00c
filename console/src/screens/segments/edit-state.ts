/** A segment while it is edited, as it is kept in the tab. */
import type { Schemas } from '@/api/client'
import { FIRST_RULES } from './builder/edit'
import { rulesForRequest, sameRules } from './builder/draft'
import { asSent } from './builder/preview'
import type { RuleGroup, Rules } from './builder/rules'

type Segment = Schemas['Segment']

export interface SegmentEdit {
  name: string
  description: string
  rules: Rules
  /** What was asked for in plain words. */
  prompt: string
  /** Version of the segment that the edit began with; `null` for a new one. */
  version: number | null
}

/** A new segment, with the rules of a link such as `/segments/new?rules=visits%20%3E%203`. */
export function newSegment(rules: string): SegmentEdit {
  return {
    name: '',
    description: '',
    rules: rules || FIRST_RULES,
    prompt: '',
    version: null,
  }
}

export function editOf(segment: Segment): SegmentEdit {
  return {
    name: segment.name,
    description: segment.description ?? '',
    // The API's tree has numbers that a browser may not hold; its text has them all.
    rules: segment.text,
    prompt: '',
    version: segment.version,
  }
}

export function bodyOf(edit: SegmentEdit): Schemas['SegmentIn'] {
  const description = edit.description.trim()
  return {
    name: edit.name,
    description: description === '' ? null : description,
    rules: asSent(rulesForRequest(edit.rules)),
  }
}

/** Returns true if saving would change something. */
export function isChanged(edit: SegmentEdit, base: SegmentEdit): boolean {
  return (
    edit.name !== base.name ||
    edit.description.trim() !== base.description.trim() ||
    !sameRules(edit.rules, base.rules)
  )
}

export type { RuleGroup, Segment }
