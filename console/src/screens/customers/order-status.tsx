import type { Schemas } from '@/api/client'
import { Badge } from '@/ui/badge'

type Order = Schemas['Order']

const STATUS: Record<Order['status'], { text: string; color: 'good' | 'warn' | 'bad' }> =
  {
    placed: { text: 'Placed', color: 'good' },
    cancelled: { text: 'Canceled', color: 'warn' },
    refunded: { text: 'Refunded', color: 'bad' },
  }

const NOT_COUNTED = 'Does not count in the customer’s figures'

export function OrderStatusBadge({
  order: { status, moved_to, left_out },
}: {
  order: Order
}) {
  if (left_out) {
    return (
      <Badge title={`${moved_to} has another order of this id, which counts instead`}>
        Left out
      </Badge>
    )
  }
  if (moved_to) {
    return (
      <Badge title={`Counts for ${moved_to}, no longer for this customer`}>Moved</Badge>
    )
  }
  return (
    <Badge
      color={STATUS[status].color}
      title={status === 'placed' ? undefined : NOT_COUNTED}
    >
      {STATUS[status].text}
    </Badge>
  )
}
