/** One order: its content, where it was moved, its twins, and moving it. */
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { api, call, type Schemas } from '@/api/client'
import { useApi, useInvalidate } from '@/api/query'
import { useMay } from '@/app/use-session'
import { money } from '@/format'
import { Button } from '@/ui/button'
import { CopyCurl } from '@/ui/copy'
import { ConfirmDialog, Dialog } from '@/ui/dialog'
import { TextLink } from '@/ui/link'
import { Notice } from '@/ui/notice'
import { Definitions } from '@/ui/page'
import { Time } from '@/ui/time'
import { toast } from '@/ui/toast'
import { CustomerPicker } from './customer-picker'
import { movedOrder, twinsOf } from './move-order'
import { OrderStatusBadge } from './order-status'

type Order = Schemas['Order']

export function OrderDialog({ order, onClose }: { order: Order; onClose: () => void }) {
  const mayMove = useMay('send data')
  const [moving, setMoving] = useState(false)
  const { order_id, customer_id } = order
  if (moving) return <MoveDialog order={order} onClose={onClose} />
  return (
    <Dialog
      open
      onClose={onClose}
      title={`Order ${order_id}`}
      footer={
        <>
          <span className="mr-auto">
            <CopyCurl path="/api/orders" query={{ customer_id, order_id }} />
          </span>
          {mayMove && !order.moved_to && (
            <Button onClick={() => setMoving(true)}>Move order…</Button>
          )}
          <Button kind="primary" onClick={onClose}>
            Close
          </Button>
        </>
      }
    >
      {order.moved_to && (
        <Notice
          title={
            order.left_out ? 'This order was left out of a merge' : 'This order was moved'
          }
        >
          {order.left_out ? (
            <p>
              <CustomerLink id={order.moved_to} /> has another order of this id, which
              counts instead.
            </p>
          ) : (
            <p>
              It counts for <CustomerLink id={order.moved_to} />.
            </p>
          )}
        </Notice>
      )}
      <Twins order={order} />
      <Definitions
        items={[
          { term: 'Amount', value: money(order.amount, order.currency) },
          {
            term: 'Refunded',
            value: money(order.refunded_amount, order.currency),
            hidden: order.refunded_amount === 0,
          },
          { term: 'Status', value: <OrderStatusBadge order={order} /> },
          { term: 'Placed', value: <Time at={order.placed_at} /> },
          {
            term: 'Changed at its source',
            value: <Time at={order.source_updated_at} />,
            hidden: !order.source_updated_at,
          },
          { term: 'Recorded', value: <Time at={order.updated_at} /> },
          {
            term: 'Items',
            value: order.items.length > 0 && (
              <ul>
                {order.items.map((item, index) => (
                  <li key={index}>
                    {item.quantity} × {item.name ?? item.sku}
                  </li>
                ))}
              </ul>
            ),
            hidden: order.items.length === 0,
          },
        ]}
      />
    </Dialog>
  )
}

function CustomerLink({ id }: { id: string }) {
  return <TextLink to={`/customers/${encodeURIComponent(id)}/orders`}>{id}</TextLink>
}

/** A shop that sends an order under two customers has it counted twice. */
function Twins({ order }: { order: Order }) {
  const { order_id } = order
  const found = useApi('/api/orders', { params: { query: { order_id, limit: 20 } } })
  const twins = twinsOf(order, found.data?.items ?? [])
  if (order.moved_to || twins.length === 0) return null
  return (
    <Notice title="Other customers have an order with this id">
      <p>
        {twins.map((twin, index) => (
          <span key={twin.customer_id}>
            {index > 0 && ', '}
            <CustomerLink id={twin.customer_id} />
          </span>
        ))}
        . If they are one order, it is counted more than once: move it to the right
        customer.
      </p>
    </Notice>
  )
}

function MoveDialog({ order, onClose }: { order: Order; onClose: () => void }) {
  const invalidate = useInvalidate()
  const [target, setTarget] = useState<string | null>(null)
  const body = movedOrder(order, target ?? '')
  const move = useMutation({
    mutationFn: () => call(api.POST('/api/data/orders', { body })),
    onSuccess: async () => {
      toast(`Order ${order.order_id} was moved to ${target}.`)
      await invalidate('/api/orders', '/api/customers')
      onClose()
    },
  })
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      onConfirm={() => move.mutate()}
      title={`Move order ${order.order_id}`}
      confirm="Move"
      danger
      disabled={target === null}
      busy={move.isPending}
      error={move.error}
      request={{ method: 'POST', path: '/api/data/orders', body }}
    >
      <p>
        The order then counts for the other customer. If they have an order with this id,
        it gets the content of this one. What is sent for it under {order.customer_id}{' '}
        later changes nothing, with the outcome <code className="font-mono">moved</code>.
      </p>
      <CustomerPicker exclude={order.customer_id} value={target} onChange={setTarget} />
    </ConfirmDialog>
  )
}
