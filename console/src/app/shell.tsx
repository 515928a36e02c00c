/** The frame of every screen: navigation, top bar, palette, and the end of the session. */
import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import {
  NavLink,
  Navigate,
  Outlet,
  useLocation,
  useMatches,
  useNavigation,
} from 'react-router'
import { useApi } from '@/api/query'
import { ApiError } from '@/api/error'
import { actorText } from '@/format'
import { SCREENS } from '@/routes'
import { IconButton, buttonClass } from '@/ui/button'
import { cx } from '@/ui/cx'
import { Icon } from '@/ui/icon'
import { Menu } from '@/ui/menu'
import { EmptyState, ErrorState, Skeleton } from '@/ui/state'
import { toast } from '@/ui/toast'
import { type Ability, may, type Role } from './roles'
import { SessionEnded } from './session-ended'
import { session, useSessionState } from './session'
import { setTheme, type Theme, useTheme } from './theme'
import { type Me, SessionProvider, signOut, useMay, useSession } from './use-session'

const Palette = lazy(() => import('./palette'))

export function Shell() {
  const me = useApi('/api/auth/me', undefined, { staleTime: 60_000 })
  const state = useSessionState()
  const { pathname, search, hash } = useLocation()
  useEffect(() => {
    if (me.isSuccess) session.opened()
  }, [me.isSuccess, me.dataUpdatedAt])

  if (me.data) {
    return (
      <SessionProvider me={me.data}>
        <Frame me={me.data} />
        {state === 'ended' && <SessionEnded actor={me.data.actor} />}
      </SessionProvider>
    )
  }
  if (me.error instanceof ApiError && me.error.status === 401) {
    const returnTo = pathname + search + hash
    const query = returnTo === '/' ? '' : `?return_to=${encodeURIComponent(returnTo)}`
    return <Navigate to={`/sign-in${query}`} replace />
  }
  if (me.error) {
    return (
      <main className="mx-auto max-w-xl p-6">
        <h1 className="mb-3 text-xl font-semibold">Patron</h1>
        <ErrorState error={me.error} onRetry={() => void me.refetch()} />
      </main>
    )
  }
  return <FrameSkeleton />
}

function Frame({ me }: { me: Me }) {
  const drawer = useRef<HTMLDialogElement>(null)
  const main = useRef<HTMLElement>(null)
  const [palette, setPalette] = useState(false)
  const { pathname, key: place } = useLocation()
  const first = useRef(true)

  // A link to the open screen closes it too.
  useEffect(() => drawer.current?.close(), [place])

  useEffect(() => {
    // A reader continues at the new screen, as after a page load; within a row of tabs,
    // at the tab.
    const focused = document.activeElement
    const isTab = main.current?.contains(focused) && focused?.matches('nav a')
    if (first.current) first.current = false
    else if (!isTab) main.current?.focus({ preventScroll: true })
  }, [pathname])

  useEffect(() => {
    function key(event: KeyboardEvent) {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault()
        // An open dialog is to be answered first: it may hold a secret that is shown once.
        if (!document.querySelector('dialog[open]')) setPalette(true)
      }
    }
    document.addEventListener('keydown', key)
    return () => document.removeEventListener('keydown', key)
  }, [])

  return (
    <div className="min-h-dvh lg:grid lg:grid-cols-[13.5rem_minmax(0,1fr)]">
      <a
        href="#content"
        className="sr-only z-20 rounded-md bg-accent px-3 py-2 text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
        onClick={(event) => {
          event.preventDefault()
          main.current?.focus()
        }}
      >
        Skip to the content
      </a>
      <aside className="sticky top-0 hidden h-dvh flex-col border-r border-line bg-surface lg:flex">
        <Brand />
        <Navigation role={me.role} />
      </aside>
      <dialog
        ref={drawer}
        aria-label="Navigation"
        className="m-0 h-dvh max-h-none w-64 max-w-[85vw] border-r border-line bg-surface p-0 text-fg lg:hidden"
        onClick={(event) => event.target === drawer.current && drawer.current.close()}
      >
        <div className="flex h-full flex-col">
          <div className="flex items-center justify-between pr-2">
            <Brand />
            <IconButton
              icon="close"
              label="Close the navigation"
              onClick={() => drawer.current?.close()}
            />
          </div>
          <Navigation role={me.role} />
        </div>
      </dialog>
      <div className="flex min-w-0 flex-col">
        <header className="sticky top-0 z-10 flex h-12 items-center gap-2 border-b border-line bg-surface px-3 touch:h-14 lg:px-6">
          <IconButton
            icon="menu"
            label="Open the navigation"
            className="lg:hidden"
            onClick={() => drawer.current?.showModal()}
          />
          <button
            type="button"
            onClick={() => setPalette(true)}
            className="flex h-8 min-w-0 grow items-center gap-2 rounded-md border border-line-strong bg-bg px-2.5 text-muted hover:text-fg touch:h-11 sm:max-w-80"
          >
            <Icon name="search" />
            <span className="grow truncate text-left">Search or go to…</span>
            <kbd className="hidden font-sans text-xs sm:block">
              {/Mac|iP(hone|ad)/.test(navigator.platform) ? '⌘' : 'Ctrl '}K
            </kbd>
          </button>
          <span className="hidden grow sm:block" />
          <ThemeMenu />
          <AccountMenu />
        </header>
        <Loader />
        <main
          ref={main}
          id="content"
          tabIndex={-1}
          className="mx-auto w-full max-w-[90rem] grow px-3 py-4 sm:px-4 lg:px-6 lg:py-5"
        >
          <Screen />
        </main>
      </div>
      {palette && (
        <Suspense>
          <Palette onClose={() => setPalette(false)} />
        </Suspense>
      )}
    </div>
  )
}

/** The open screen, if the role may open it. */
function Screen() {
  const needs = useMatches().reduce<Ability>(
    (last, match) => (match.handle as { needs?: Ability } | undefined)?.needs ?? last,
    'read',
  )
  const { role } = useSession()
  if (useMay(needs)) return <Outlet />
  return (
    <EmptyState icon="keys" title="Your role does not allow this">
      You are signed in as {role}. Ask an admin for another role.
    </EmptyState>
  )
}

function Brand() {
  return (
    <NavLink
      to="/"
      className="flex h-12 shrink-0 items-center gap-2 px-4 text-lg font-semibold touch:h-14"
    >
      <Logo />
      Patron
    </NavLink>
  )
}

export function Logo() {
  return (
    <svg viewBox="0 0 32 32" className="size-6" aria-hidden="true">
      <rect width="32" height="32" rx="7" className="fill-accent" />
      <path
        d="M11 25V8h6.2a5.4 5.4 0 0 1 0 10.8H11"
        className="fill-none stroke-on-accent"
        strokeWidth="3.2"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  )
}

/** Entries of the navigation for a role. */
export function navigationOf(role: Role) {
  return SCREENS.flatMap(({ path, needs, nav }) =>
    nav && may(role, needs) ? [{ path, ...nav }] : [],
  )
}

function Navigation({ role }: { role: Role }) {
  const entries = navigationOf(role)
  const sections = [...new Set(entries.map((entry) => entry.section))]
  return (
    <nav aria-label="Main" className="flex grow flex-col gap-4 overflow-y-auto px-2 py-2">
      {sections.map((section) => (
        <div key={section}>
          {sections.length > 1 && (
            <h2 className="px-2 pb-1 text-xs font-medium text-muted">{section}</h2>
          )}
          <ul className="flex flex-col gap-px">
            {entries
              .filter((entry) => entry.section === section)
              .map((entry) => (
                <li key={entry.path}>
                  <NavLink
                    to={entry.path}
                    end={entry.path === '/'}
                    className={({ isActive }) =>
                      cx(
                        'flex h-8 items-center gap-2.5 rounded-md px-2 touch:h-11',
                        isActive
                          ? 'bg-accent-soft font-medium text-accent'
                          : 'text-fg hover:bg-hover',
                      )
                    }
                  >
                    <Icon name={entry.icon} />
                    {entry.label}
                  </NavLink>
                </li>
              ))}
          </ul>
        </div>
      ))}
      <a
        href="/docs"
        className="mt-auto flex h-8 items-center gap-2.5 rounded-md px-2 text-muted hover:bg-hover hover:text-fg touch:h-11"
      >
        <Icon name="external" />
        API reference
      </a>
    </nav>
  )
}

const THEMES: { value: Theme; label: string; icon: 'sun' | 'moon' | 'screen' }[] = [
  { value: 'light', label: 'Light', icon: 'sun' },
  { value: 'dark', label: 'Dark', icon: 'moon' },
  { value: 'system', label: 'As the system', icon: 'screen' },
]

function ThemeMenu() {
  const { theme, shown } = useTheme()
  return (
    <Menu
      label="Theme"
      button={<Icon name={shown === 'dark' ? 'moon' : 'sun'} />}
      buttonClass={cx(buttonClass('quiet'), 'w-8 px-0! touch:w-11')}
      items={THEMES.map(({ value, label, icon }) => ({
        label,
        icon,
        checked: theme === value,
        onSelect: () => setTheme(value),
      }))}
    />
  )
}

function AccountMenu() {
  const me = useSession()
  const name = me.name ?? me.email ?? actorText(me.actor)
  return (
    <Menu
      label={`Account: ${name}`}
      button={
        <>
          <Icon name="users" />
          <span className="hidden max-w-48 truncate md:block">{name}</span>
          <Icon name="down" className="size-3" />
        </>
      }
      buttonClass={cx(buttonClass('quiet'), 'px-2!')}
      heading={
        <div className="max-w-64">
          <p className="truncate font-medium">{name}</p>
          {me.email && me.email !== name && (
            <p className="truncate text-sm text-muted">{me.email}</p>
          )}
          <p className="text-sm text-muted">Role: {me.role}</p>
        </div>
      }
      items={[
        {
          label: 'Sign out',
          icon: 'external',
          onSelect: () =>
            void signOut().catch((error: unknown) =>
              toast(
                `Sign-out failed. ${error instanceof Error ? error.message : ''}`,
                'bad',
              ),
            ),
        },
      ]}
    />
  )
}

/** A line below the top bar while another screen is on its way. */
function Loader() {
  const busy = useNavigation().state !== 'idle'
  return (
    <div className="sticky top-12 z-10 h-0 touch:top-14" aria-hidden="true">
      {busy && <div className="h-0.5 w-full animate-pulse bg-accent" />}
    </div>
  )
}

function FrameSkeleton() {
  return (
    <div className="min-h-dvh lg:grid lg:grid-cols-[13.5rem_minmax(0,1fr)]" role="status">
      <span className="sr-only">Loading</span>
      <div className="hidden border-r border-line bg-surface lg:block" />
      <div>
        <div className="h-12 border-b border-line bg-surface touch:h-14" />
        <div className="flex flex-col gap-4 p-6">
          <Skeleton className="h-7 w-56" />
          <Skeleton className="h-32 w-full" />
        </div>
      </div>
    </div>
  )
}
