/**
 * Every screen of the console, in the order of the navigation. A screen's file exports
 * `Component`; it is loaded when the screen is first opened.
 */
import type { ComponentType } from 'react'
import {
  createBrowserRouter,
  Outlet,
  type RouteObject,
  ScrollRestoration,
} from 'react-router'
import { Component as NotFound } from './app/not-found'
import { ScreenError } from './app/screen-error'
import { Shell } from './app/shell'
import type { Ability } from './app/roles'
import type { IconName } from './ui/icon'

type Screen = () => Promise<{ Component: ComponentType }>

export interface ScreenRoute {
  path: string
  /** What a role must be allowed to do to open it. */
  needs: Ability
  screen: Screen
  /** Present if the screen has an entry in the navigation. */
  nav?: { label: string; icon: IconName; section: 'Store' | 'Deployment' }
}

const campaign: Screen = () => import('./screens/campaign/campaign')
const customer: Screen = () => import('./screens/customers/customer')
const segment: Screen = () => import('./screens/segments/segment')
const segmentEditor: Screen = () => import('./screens/segments/segment-editor')
const composer: Screen = () => import('./screens/campaigns/composer')
const operations: Screen = () => import('./screens/operations/operations')

export const SCREENS: ScreenRoute[] = [
  {
    path: '/',
    needs: 'read',
    screen: () => import('./screens/overview/overview'),
    nav: { label: 'Overview', icon: 'home', section: 'Store' },
  },
  {
    path: '/customers',
    needs: 'read',
    screen: () => import('./screens/customers/customers'),
    nav: { label: 'Customers', icon: 'customers', section: 'Store' },
  },
  { path: '/customers/:id/:tab?', needs: 'read', screen: customer },
  {
    path: '/segments',
    needs: 'read',
    screen: () => import('./screens/segments/segments'),
    nav: { label: 'Segments', icon: 'segments', section: 'Store' },
  },
  { path: '/segments/new', needs: 'change segments', screen: segmentEditor },
  { path: '/segments/:id/edit', needs: 'change segments', screen: segmentEditor },
  { path: '/segments/:id/:tab?', needs: 'read', screen: segment },
  {
    path: '/campaigns',
    needs: 'read',
    screen: () => import('./screens/campaigns/campaigns'),
    nav: { label: 'Campaigns', icon: 'campaigns', section: 'Store' },
  },
  { path: '/campaigns/new', needs: 'change campaigns', screen: composer },
  { path: '/campaigns/:id/edit', needs: 'change campaigns', screen: composer },
  { path: '/campaigns/:id/:tab?', needs: 'read', screen: campaign },
  {
    path: '/campaigns/:id/recipients/:customerId',
    needs: 'read',
    screen: () => import('./screens/campaign/recipient'),
  },
  {
    path: '/suppressions',
    needs: 'read',
    screen: () => import('./screens/suppressions/suppressions'),
    nav: { label: 'Suppressions', icon: 'blocked', section: 'Store' },
  },
  {
    path: '/imports',
    needs: 'read',
    screen: () => import('./screens/imports/imports'),
    nav: { label: 'Imports', icon: 'upload', section: 'Store' },
  },
  {
    path: '/imports/:id',
    needs: 'read',
    screen: () => import('./screens/imports/import'),
  },
  {
    path: '/audit',
    needs: 'read the audit trail',
    screen: () => import('./screens/audit/audit'),
    nav: { label: 'Audit', icon: 'audit', section: 'Deployment' },
  },
  {
    path: '/audit/:position',
    needs: 'read the audit trail',
    screen: () => import('./screens/audit/audit-event'),
  },
  {
    path: '/operations',
    needs: 'operate',
    screen: operations,
    nav: { label: 'Operations', icon: 'operations', section: 'Deployment' },
  },
  { path: '/operations/:tab', needs: 'operate', screen: operations },
  {
    path: '/users',
    needs: 'manage access',
    screen: () => import('./screens/access/users'),
    nav: { label: 'Users', icon: 'users', section: 'Deployment' },
  },
  {
    path: '/keys',
    needs: 'manage access',
    screen: () => import('./screens/access/keys'),
    nav: { label: 'Keys', icon: 'keys', section: 'Deployment' },
  },
  {
    path: '/settings',
    needs: 'read settings',
    screen: () => import('./screens/settings/settings'),
    nav: { label: 'Settings', icon: 'settings', section: 'Deployment' },
  },
]

function Root() {
  return (
    <>
      <Outlet />
      <ScrollRestoration />
    </>
  )
}

const children: RouteObject[] = SCREENS.map(({ path, needs, screen }) => ({
  path,
  handle: { needs },
  lazy: screen,
}))

export const router = createBrowserRouter([
  {
    element: <Root />,
    errorElement: <ScreenError />,
    hydrateFallbackElement: <></>,
    children: [
      { path: '/sign-in', lazy: () => import('./screens/sign-in/sign-in') },
      {
        element: <Shell />,
        children: [
          {
            // Not on the screens themselves: the router draws nothing for a route whose
            // file could not be loaded, its own error element included.
            errorElement: <ScreenError />,
            children: [...children, { path: '*', element: <NotFound /> }],
          },
        ],
      },
    ],
  },
])
