/** The steps of an import, and which of them can be opened. */
import type { ImportStatus } from './types'

export const STEPS = [
  { id: 'layout', label: 'Layout' },
  { id: 'preview', label: 'Preview' },
  { id: 'run', label: 'Import' },
] as const

export type ImportStep = (typeof STEPS)[number]['id']

/**
 * Steps that can be opened. Without `mayRun`, because of the role or since another process
 * has the file, there is only what happened so far.
 */
export function openSteps(status: ImportStatus, mayRun: boolean): ImportStep[] {
  if (!mayRun || status === 'running' || status === 'finished') return ['run']
  return status === 'uploaded' ? ['layout', 'preview'] : ['layout', 'preview', 'run']
}

/** The step that a URL names, if it can be opened; else the one to go on with. */
export function stepOf(text: string, status: ImportStatus, mayRun: boolean): ImportStep {
  const open = openSteps(status, mayRun)
  const named = open.find((step) => step === text)
  return named ?? (status === 'uploaded' && mayRun ? 'layout' : 'run')
}
