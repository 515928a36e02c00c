/**
 * The upload of a file. It goes on while other screens are open, so it is no state of a
 * component. One file is sent at a time.
 */
import { useEffect, useRef, useSyncExternalStore } from 'react'
import { queryClient } from '@/api/query'
import { idempotencyKey } from '@/api/idempotency-key'
import { uploadFile } from '@/api/upload'
import { toast } from '@/ui/toast'
import type { Import } from './types'

export type Upload =
  | { phase: 'idle' }
  | { phase: 'sending'; file: File; sent: number; total: number }
  | { phase: 'failed'; file: File; error: unknown; retry: () => void }

const IDLE: Upload = { phase: 'idle' }

let current: Upload = IDLE
let controller = new AbortController()
const listeners = new Set<() => void>()
const waiting = new Set<(uploaded: Import) => void>()

function change(next: Upload) {
  current = next
  for (const listener of listeners) listener()
}

/** Asks before the page is closed: that ends the upload. */
function warn(event: BeforeUnloadEvent) {
  event.preventDefault()
}

export function startUpload(file: File) {
  void send(file, idempotencyKey())
}

async function send(file: File, key: string) {
  controller = new AbortController()
  const { signal } = controller
  window.addEventListener('beforeunload', warn)
  change({ phase: 'sending', file, sent: 0, total: file.size })
  try {
    const uploaded = await uploadFile<Import>('/api/imports', file, {
      idempotencyKey: key,
      onProgress: (sent, total) => change({ phase: 'sending', file, sent, total }),
      signal,
    })
    change(IDLE)
    void queryClient.invalidateQueries({ queryKey: ['/api/imports'] })
    if (waiting.size === 0) toast(`“${file.name}” was uploaded. It is under Imports.`)
    for (const follow of waiting) follow(uploaded)
  } catch (error) {
    if (signal.aborted) change(IDLE)
    // The same key: an upload whose answer was lost is found again.
    else change({ phase: 'failed', file, error, retry: () => void send(file, key) })
  } finally {
    window.removeEventListener('beforeunload', warn)
  }
}

/** Ends the upload, or forgets one that failed. */
export function cancelUpload() {
  controller.abort(new Error('The upload was canceled.'))
  change(IDLE)
}

function subscribe(listener: () => void) {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** The upload. `onUploaded` is called at its end while the component is shown. */
export function useUpload(onUploaded: (uploaded: Import) => void): Upload {
  const latest = useRef(onUploaded)
  latest.current = onUploaded
  useEffect(() => {
    const follow = (uploaded: Import) => latest.current(uploaded)
    waiting.add(follow)
    return () => void waiting.delete(follow)
  }, [])
  return useSyncExternalStore(subscribe, () => current)
}
