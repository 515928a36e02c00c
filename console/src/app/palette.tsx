/** The command palette: screens, actions of the open screen, and things found by text. */
import { useDeferredValue, useEffect, useId, useMemo, useRef, useState } from 'react'
import { useNavigate } from 'react-router'
import { useApi } from '@/api/query'
import { CAMPAIGN_STATUS } from '@/format'
import { cx } from '@/ui/cx'
import { Icon, type IconName } from '@/ui/icon'
import { useRegisteredActions } from './actions'
import { navigationOf } from './shell'
import { setTheme } from './theme'
import { useMay, useSession } from './use-session'

interface Entry {
  id: string
  group: string
  label: string
  detail?: string
  icon: IconName
  run: () => void
}

const matches = (text: string, typed: string) =>
  typed
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.toLowerCase().includes(word))

export default function Palette({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const list = useRef<HTMLDivElement>(null)
  const [text, setText] = useState('')
  const [chosen, setChosen] = useState(0)
  const typed = useDeferredValue(text.trim())
  const { entries, searching } = useEntries(typed)
  const id = useId()

  useEffect(() => {
    dialog.current?.showModal()
  }, [])
  useEffect(() => setChosen(0), [typed])
  useEffect(() => {
    list.current
      ?.querySelector('[aria-selected="true"]')
      ?.scrollIntoView({ block: 'nearest' })
  }, [chosen])

  const at = Math.min(chosen, entries.length - 1)
  function run(entry: Entry | undefined) {
    if (!entry) return
    dialog.current?.close()
    entry.run()
  }
  const groups = [...new Set(entries.map((entry) => entry.group))]

  return (
    <dialog
      ref={dialog}
      aria-label="Search or go to"
      onClose={onClose}
      onMouseDown={(event) => event.target === dialog.current && dialog.current.close()}
      className="mt-[12dvh] max-h-[70dvh] w-[calc(100%-1.5rem)] max-w-xl rounded-lg border border-line-strong bg-raised p-0 text-fg shadow-xl shadow-(color:--shadow)"
    >
      <div className="flex max-h-[70dvh] flex-col">
        <div className="flex items-center gap-2 border-b border-line px-4">
          <Icon name="search" className="text-muted" />
          <input
            autoFocus
            role="combobox"
            aria-expanded="true"
            aria-controls={id}
            aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined}
            aria-label="Search customers, segments and campaigns, or go to a screen"
            placeholder="Search, or go to a screen"
            autoComplete="off"
            spellCheck={false}
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter') {
                event.preventDefault()
                run(entries[at])
              }
              const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
              if (step === undefined || entries.length === 0) return
              event.preventDefault()
              setChosen((at + step + entries.length) % entries.length)
            }}
            className="h-12 min-w-0 grow bg-transparent outline-none"
          />
        </div>
        <div
          ref={list}
          id={id}
          role="listbox"
          aria-label="Results"
          className="overflow-y-auto p-1.5"
        >
          {groups.map((group) => (
            <div key={group} role="group" aria-label={group}>
              <p
                className="px-2.5 pt-2 pb-1 text-xs font-medium text-muted"
                aria-hidden="true"
              >
                {group}
              </p>
              {entries.map((entry, index) =>
                entry.group === group ? (
                  <div
                    key={entry.id}
                    id={`${id}-${index}`}
                    role="option"
                    aria-selected={index === at}
                    onMouseMove={() => setChosen(index)}
                    onClick={() => run(entry)}
                    className={cx(
                      'flex cursor-pointer items-center gap-2.5 rounded-md px-2.5 py-1.5 touch:min-h-11',
                      index === at && 'bg-accent-soft',
                    )}
                  >
                    <Icon name={entry.icon} className="text-muted" />
                    <span className="truncate">{entry.label}</span>
                    {entry.detail && (
                      <span className="ml-auto truncate text-sm text-muted">
                        {entry.detail}
                      </span>
                    )}
                  </div>
                ) : null,
              )}
            </div>
          ))}
        </div>
        <p role="status" className="px-4 pb-2 text-sm text-muted empty:hidden">
          {searching ? 'Searching…' : entries.length === 0 ? 'Nothing found.' : ''}
        </p>
      </div>
    </dialog>
  )
}

function useEntries(typed: string): { entries: Entry[]; searching: boolean } {
  const navigate = useNavigate()
  const { role } = useSession()
  const maySegments = useMay('change segments')
  const mayCampaigns = useMay('change campaigns')
  const mayImport = useMay('import files')
  const maySuppress = useMay('change suppressions')
  const actions = useRegisteredActions()
  const search = typed.length >= 2
  const customers = useApi(
    '/api/customers',
    { params: { query: { q: typed, limit: 6 } } },
    { enabled: search, keepPrevious: true },
  )
  const segments = useApi(
    '/api/segments',
    { params: { query: { limit: 200 } } },
    { enabled: search },
  )
  const campaigns = useApi(
    '/api/campaigns',
    { params: { query: { limit: 200 } } },
    { enabled: search },
  )

  const entries = useMemo(() => {
    const fixed: Entry[] = [
      ...actions.map((action) => ({
        id: `action ${action.id}`,
        group: 'On this screen',
        label: action.label,
        icon: action.icon ?? ('right' as const),
        run: action.run,
      })),
      ...navigationOf(role).map((entry) => ({
        id: `screen ${entry.path}`,
        group: 'Go to',
        label: entry.label,
        icon: entry.icon,
        run: () => void navigate(entry.path),
      })),
    ]
    if (mayCampaigns) fixed.push(link('New campaign', '/campaigns/new', 'plus'))
    if (maySegments) fixed.push(link('New segment', '/segments/new', 'plus'))
    if (mayImport) fixed.push(link('Import a file', '/imports', 'upload'))
    if (maySuppress) {
      fixed.push(link('Suppress an address', '/suppressions?dialog=add', 'blocked'))
    }
    for (const theme of ['light', 'dark', 'system'] as const) {
      fixed.push({
        id: `theme ${theme}`,
        group: 'Theme',
        label: `Theme: ${theme}`,
        icon: theme === 'light' ? 'sun' : theme === 'dark' ? 'moon' : 'screen',
        run: () => setTheme(theme),
      })
    }
    function link(label: string, to: string, icon: IconName): Entry {
      return {
        id: `link ${to}`,
        group: 'Create',
        label,
        icon,
        run: () => void navigate(to),
      }
    }

    const found: Entry[] = []
    if (search) {
      for (const customer of customers.data?.items ?? []) {
        found.push({
          id: `customer ${customer.customer_id}`,
          group: 'Customers',
          label: customer.name ?? customer.customer_id,
          detail: customer.email ?? (customer.name ? customer.customer_id : undefined),
          icon: 'customers',
          run: () =>
            void navigate(`/customers/${encodeURIComponent(customer.customer_id)}`),
        })
      }
      for (const segment of segments.data?.items ?? []) {
        if (!matches(segment.name, typed)) continue
        found.push({
          id: `segment ${segment.segment_id}`,
          group: 'Segments',
          label: segment.name,
          icon: 'segments',
          run: () => void navigate(`/segments/${segment.segment_id}`),
        })
      }
      for (const campaign of campaigns.data?.items ?? []) {
        if (!matches(campaign.name, typed)) continue
        found.push({
          id: `campaign ${campaign.campaign_id}`,
          group: 'Campaigns',
          label: campaign.name,
          detail: CAMPAIGN_STATUS[campaign.status].text,
          icon: 'campaigns',
          run: () => void navigate(`/campaigns/${campaign.campaign_id}`),
        })
      }
    }
    return [...fixed.filter((entry) => matches(entry.label, typed)), ...found].slice(
      0,
      40,
    )
  }, [
    typed,
    search,
    actions,
    role,
    mayCampaigns,
    mayImport,
    maySegments,
    maySuppress,
    navigate,
    customers.data,
    segments.data,
    campaigns.data,
  ])
  return { entries, searching: search && customers.isFetching }
}
