import { isTemporary } from '@/api/error'
import { useSessionState } from '@/app/session'
import { Dot } from '@/ui/badge'
import type { Autosave } from './use-autosave'

/** One line that says whether the server has what was typed. */
export function SaveStatus({ saving, isSaved }: { saving: Autosave; isSaved: boolean }) {
  const hasSession = useSessionState() === 'open'
  const [color, text] = (() => {
    if (!hasSession) return ['warn', 'Kept in this tab until you sign in again'] as const
    if (saving.isSaving) return ['neutral', 'Saving…'] as const
    if (isTemporary(saving.failure)) {
      return ['warn', 'Not saved yet: kept in this tab, and tried again'] as const
    }
    if (saving.failure) return ['bad', 'Not saved: kept in this tab'] as const
    if (!isSaved) return ['warn', 'Not all of it is saved: kept in this tab'] as const
    return ['good', 'Saved'] as const
  })()
  return (
    <span role="status" className="inline-flex items-center gap-1.5 text-sm text-muted">
      <Dot color={color} />
      {text}
    </span>
  )
}
