/** What became of an import, in a sentence. */
import { count } from '@/format'
import { ITEM } from './status'
import type { Import } from './types'

export function resultText(imported: Import): { title: string; detail: string | null } {
  const { status, progress, kind, reason } = imported
  const accepted = progress ? progress.created + progress.updated + progress.unchanged : 0
  const items = ITEM[kind ?? 'customers']
  const refused = progress?.refused ?? 0
  const imports = count(accepted, ...items)
  const rest = refused > 0 ? `${count(refused, 'row')} refused` : 'nothing was refused'
  switch (status) {
    case 'uploaded':
      return { title: 'Not started yet', detail: null }
    case 'running':
      if (imported.process?.is_alive === false) {
        return {
          title: 'The import is interrupted',
          detail: 'It continues once a process has its file again.',
        }
      }
      return {
        title: 'The import is running',
        detail: 'It goes on if you leave this page.',
      }
    case 'finished':
      return { title: `${imports} imported, ${rest}`, detail: null }
    case 'stopped':
      return {
        title: 'The import was stopped',
        detail: `${imports} imported so far, ${rest}. It can be continued.`,
      }
    case 'failed':
      return {
        title: 'The import failed',
        detail: `${sentence(reason ?? 'the reason is not known')}. ${imports} imported so far. It can be continued once that is resolved.`,
      }
  }
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
