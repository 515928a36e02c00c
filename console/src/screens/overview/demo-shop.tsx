import { useMutation } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { api, call, type Schemas } from '@/api/client'
import { queryClient, useApi } from '@/api/query'
import { useMay } from '@/app/use-session'
import { number } from '@/format'
import { Button } from '@/ui/button'
import { Icon } from '@/ui/icon'
import { Card } from '@/ui/page'
import { Problem } from '@/ui/problem'
import { ProgressBar } from '@/ui/stat'
import { toast } from '@/ui/toast'

/** The state of the demo shop. Only admins may read it. */
export function useDemoShop({ interval }: { interval: number | false }) {
  const enabled = useMay('load the demo shop')
  return useApi('/api/admin/demo', {}, { enabled, refetchInterval: interval })
}

/** Offers the demo shop on an empty deployment, and shows the progress of its load. */
export function DemoOffer() {
  const demo = useDemoShop({ interval: 2_000 })
  const load = useMutation({
    mutationFn: () => call(api.POST('/api/admin/demo')),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['/api/admin/demo'] }),
  })
  const state = demo.data
  if (!state) return demo.error ? <Problem error={demo.error} /> : null
  const loading = state.state === 'loading'
  return (
    <Card title="Load a demo shop">
      <p className="max-w-prose">
        5,000 made-up customers with addresses that end in <code>.example</code>, 20,000
        orders, activity, segments, and two finished campaigns. Nothing is sent to
        anybody. To remove it later, stop Patron and run <code>patron demo --remove</code>
        .
      </p>
      <div className="mt-3 flex flex-col items-start gap-3">
        {loading && state.progress ? (
          <Progress done={state.progress.done} total={state.progress.total} />
        ) : null}
        {state.state === 'failed' && (
          <p role="alert" className="text-bad">
            The last load did not end. {state.reason}
          </p>
        )}
        {state.can_load || loading ? (
          <Button
            kind="primary"
            busy={load.isPending || loading}
            onClick={() => load.mutate()}
          >
            {loading
              ? 'Loading the demo shop'
              : state.state === 'failed'
                ? 'Continue loading'
                : 'Load the demo shop'}
          </Button>
        ) : (
          <p className="text-muted">
            It cannot be loaded{state.reason ? `: ${state.reason}` : ''}.
          </p>
        )}
        {load.error ? <Problem error={load.error} /> : null}
      </div>
    </Card>
  )
}

/**
 * Reads everything again when the load has ended. It is called by the screen, since the
 * offer goes away at that moment.
 */
export function useLoaded(state: Schemas['Demo'] | undefined) {
  const before = useRef(state?.state)
  useEffect(() => {
    if (before.current === 'loading' && state?.state === 'loaded') {
      toast('The demo shop is loaded.')
      void queryClient.invalidateQueries()
    }
    before.current = state?.state
  }, [state?.state])
}

function Progress({ done, total }: { done: number; total: number }) {
  return (
    <div className="w-full max-w-md">
      <ProgressBar
        label="Progress of the demo shop"
        total={total}
        parts={[{ value: done, color: 'accent' }]}
      />
      <p className="mt-1 text-sm text-muted">
        {number(done)} of {number(total)} records
      </p>
    </div>
  )
}

/** Says that what is shown is made up. */
export function DemoBanner() {
  const demo = useDemoShop({ interval: false })
  if (demo.data?.state !== 'loaded') return null
  return (
    <p className="mb-4 flex items-start gap-2 rounded-md border border-line bg-accent-soft px-3 py-2 text-sm">
      <Icon name="info" className="mt-0.5 text-accent" />
      <span>
        This is the demo shop: its customers and orders are made up. To remove it, stop
        Patron and run <code>patron demo --remove</code>.
      </span>
    </p>
  )
}
