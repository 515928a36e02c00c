import type { StatusText } from '@/format'
import { Badge } from '@/ui/badge'
import type { Import, ImportKind, ImportStatus } from './types'

const STATUS: Record<ImportStatus, StatusText> = {
  uploaded: {
    text: 'Not started',
    color: 'neutral',
    explanation: 'The file was uploaded. Nothing of it was recorded yet.',
  },
  running: { text: 'Running', color: 'accent', explanation: 'Rows are being recorded.' },
  finished: {
    text: 'Finished',
    color: 'good',
    explanation: 'Every row has its outcome.',
  },
  stopped: {
    text: 'Stopped',
    color: 'warn',
    explanation: 'Somebody stopped it. It can be continued.',
  },
  failed: {
    text: 'Failed',
    color: 'bad',
    explanation: 'It could not go on. It can be continued.',
  },
}

const WAITING: StatusText = {
  text: 'Waiting',
  color: 'warn',
  explanation: 'It continues by itself.',
}

export function ImportStatusBadge({
  status,
  waiting_for,
}: Pick<Import, 'status' | 'waiting_for'>) {
  const isWaiting = status === 'running' && waiting_for
  const { text, color, explanation } = isWaiting ? WAITING : STATUS[status]
  return (
    <Badge color={color} title={explanation}>
      {text}
    </Badge>
  )
}

/** Names of an item of each kind, for counts. */
export const ITEM: Record<ImportKind, [singular: string, plural: string]> = {
  customers: ['customer', 'customers'],
  orders: ['order', 'orders'],
  events: ['event', 'events'],
}

export const KIND: Record<ImportKind, string> = {
  customers: 'Customers',
  orders: 'Orders',
  events: 'Activity',
}
