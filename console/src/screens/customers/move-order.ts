/** Moving an order to another customer. */
import type { Schemas } from '@/api/client'

type Order = Schemas['Order']

/**
 * The order as it is sent for its new customer. It keeps its times, so that it is neither
 * newer nor older than what its source sends next.
 */
export function movedOrder(order: Order, customerId: string): Schemas['OrderIn'] {
  return {
    order_id: order.order_id,
    customer_id: customerId,
    moved_from: order.customer_id,
    amount: order.amount,
    refunded_amount: order.refunded_amount,
    currency: order.currency,
    placed_at: order.placed_at,
    status: order.status,
    items: order.items,
    ...(order.source_updated_at ? { updated_at: order.source_updated_at } : {}),
  }
}

/** Orders with the same id under other customers, without those that were moved away. */
export function twinsOf(order: Order, found: readonly Order[]): Order[] {
  return found.filter(
    (other) => other.customer_id !== order.customer_id && !other.moved_to,
  )
}
