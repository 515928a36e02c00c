import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { api, call, type Schemas } from '@/api/client'
import { pathOf } from '@/api/curl'
import { useApiList, useInvalidate } from '@/api/query'
import { useSession } from '@/app/use-session'
import { count } from '@/format'
import { aggregateKey } from '@/format/aggregate'
import { useActorNames } from '@/screens/audit/use-names'
import { Badge } from '@/ui/badge'
import { Button } from '@/ui/button'
import { CopyCurl } from '@/ui/copy'
import { ConfirmDialog, Dialog } from '@/ui/dialog'
import { Form, FormProblem } from '@/ui/form'
import { RadioGroup } from '@/ui/input'
import { TextLink } from '@/ui/link'
import { Card, None, PageHeader } from '@/ui/page'
import { EmptyState, Read } from '@/ui/state'
import { type Column, LoadMore, Table } from '@/ui/table'
import { Time } from '@/ui/time'
import { toast } from '@/ui/toast'
import { Narrow } from '@/ui/wide'
import { roleText, roleWarning, USER_ROLES } from './roles'

type User = Schemas['User']
type UserRole = Schemas['UserRole']

const nameOf = (user: User) => user.name ?? user.email

/** An email address that prefers to wrap before its domain. */
function breakable(email: string) {
  const at = email.lastIndexOf('@') + 1
  return (
    <>
      {email.slice(0, at)}
      <wbr />
      {email.slice(at)}
    </>
  )
}

export function Component() {
  const users = useApiList('/api/users')
  const me = useSession()
  const [changing, setChanging] = useState<User | null>(null)
  const [endingFor, setEndingFor] = useState<User | null>(null)
  const columns: Column<User>[] = [
    {
      id: 'user',
      header: 'User',
      cell: (user) => (
        <div className="md:min-w-44">
          <div className="font-medium wrap-anywhere">
            {nameOf(user)}
            {user.user_id === me.user_id && <span className="text-muted"> (you)</span>}
          </div>
          {user.name && (
            <div className="text-sm wrap-anywhere text-muted">
              {breakable(user.email)}
            </div>
          )}
          <Narrow className="mt-1">
            <Role user={user} />
          </Narrow>
        </div>
      ),
    },
    {
      id: 'role',
      header: 'Role',
      cell: (user) => <Role user={user} />,
      wideOnly: true,
    },
    {
      id: 'seen',
      header: 'Last sign-in',
      cell: (user) => <Time at={user.last_signed_in_at} relative />,
      wideOnly: true,
    },
    {
      id: 'sessions',
      header: 'Sessions',
      cell: (user) => user.sessions.length || <None />,
      align: 'end',
      wideOnly: true,
    },
    {
      id: 'actions',
      header: <span className="sr-only">Actions</span>,
      align: 'end',
      cell: (user) => (
        <span className="inline-flex flex-wrap justify-end gap-1 max-md:w-36">
          <Button
            small
            aria-label={`Change role of ${nameOf(user)}`}
            onClick={() => setChanging(user)}
          >
            Change role
          </Button>
          <Button
            small
            kind="quiet"
            disabled={user.sessions.length === 0}
            aria-label={`Sign out ${nameOf(user)} everywhere`}
            onClick={() => setEndingFor(user)}
          >
            Sign out
          </Button>
          <TextLink
            className="self-center px-2 text-sm touch:py-3"
            to={`/audit?actor=${encodeURIComponent(`user:${user.user_id}`)}`}
            aria-label={`Actions of ${nameOf(user)} in the audit trail`}
          >
            Actions
          </TextLink>
          <TextLink
            className="self-center px-2 text-sm touch:py-3"
            to={pathOf('/audit', { aggregate: aggregateKey('user', user.user_id) })}
            aria-label={`History of ${nameOf(user)} in the audit trail`}
          >
            History
          </TextLink>
        </span>
      ),
    },
  ]
  return (
    <>
      <PageHeader
        title="Users"
        description="Everybody who has ever signed in. The configuration decides who may sign in for the first time, and as what."
        actions={<CopyCurl path="/api/users" />}
      />
      <Card flush>
        <Read flush query={{ ...users, data: users.items }}>
          {(items) =>
            items.length === 0 ? (
              <EmptyState icon="users" title="Nobody has signed in yet">
                Configure an OpenID provider and the addresses or domains that may sign in
                ( <code>GOOGLE_CLIENT_ID</code>, <code>PATRON_ADMIN_EMAILS</code>,{' '}
                <code>PATRON_ALLOWED_DOMAINS</code>), then share the address of this
                console.
              </EmptyState>
            ) : (
              <Table
                label="Users"
                columns={columns}
                rows={items}
                rowKey={(user) => user.user_id}
                footer={<LoadMore query={users} />}
              />
            )
          }
        </Read>
      </Card>
      {changing && <RoleDialog user={changing} onClose={() => setChanging(null)} />}
      {endingFor && <SignOutDialog user={endingFor} onClose={() => setEndingFor(null)} />}
    </>
  )
}

function Role({ user }: { user: User }) {
  const actorName = useActorNames()
  return (
    <span className="inline-flex flex-wrap items-center gap-x-2">
      <Badge color={user.role === 'none' ? 'bad' : 'neutral'}>
        {roleText(user.role)}
      </Badge>
      <span className="text-sm text-muted">
        {user.given ? `by ${actorName(user.given.by)}` : 'by configuration'}
      </span>
    </span>
  )
}

function RoleDialog({ user, onClose }: { user: User; onClose: () => void }) {
  const me = useSession()
  const invalidate = useInvalidate()
  const [role, setRole] = useState<UserRole>(user.role)
  const change = useMutation({
    mutationFn: () =>
      call(
        api.PUT('/api/users/{user_id}/role', {
          params: { path: { user_id: user.user_id } },
          body: { role },
        }),
      ),
    onSuccess: async () => {
      toast(`${nameOf(user)} now has the role ${roleText(role)}.`)
      // The caller's own role decides what is offered here.
      await invalidate('/api/users', '/api/auth/me')
      onClose()
    },
  })
  const submit = () => {
    // Enter submits too: the same role would override the configured one.
    if (role !== user.role && !change.isPending) change.mutate()
  }
  const warning = roleWarning(user, role, me.user_id)
  return (
    <Dialog
      open
      onClose={onClose}
      title={`Change the role of ${nameOf(user)}`}
      footer={
        <>
          <span className="mr-auto">
            <CopyCurl
              method="PUT"
              path={`/api/users/${user.user_id}/role`}
              body={{ role }}
            />
          </span>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            kind={warning ? 'danger' : 'primary'}
            busy={change.isPending}
            disabled={role === user.role}
            onClick={submit}
          >
            {role === 'none' ? 'Lock out' : 'Change role'}
          </Button>
        </>
      }
    >
      <Form error={change.error} onSubmit={submit}>
        <RadioGroup
          label="Role"
          hideLabel
          value={role}
          onChange={setRole}
          choices={USER_ROLES}
        />
        <p className="mt-3 text-sm text-muted">
          The role takes effect at once, and overrides the one that the configuration
          gives.
        </p>
        {warning && (
          <p role="status" className="mt-2 text-sm font-medium text-bad">
            {warning}
          </p>
        )}
        <FormProblem error={change.error} />
      </Form>
    </Dialog>
  )
}

function SignOutDialog({ user, onClose }: { user: User; onClose: () => void }) {
  const me = useSession()
  const invalidate = useInvalidate()
  const end = useMutation({
    mutationFn: () =>
      call(
        api.POST('/api/users/{user_id}/sign-out', {
          params: { path: { user_id: user.user_id } },
        }),
      ),
    onSuccess: async () => {
      toast(`${nameOf(user)} is signed out everywhere.`)
      await invalidate('/api/users')
      onClose()
    },
  })
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      onConfirm={() => end.mutate()}
      title={`Sign out ${nameOf(user)}?`}
      confirm="Sign out everywhere"
      danger
      busy={end.isPending}
      error={end.error}
      request={{ method: 'POST', path: `/api/users/${user.user_id}/sign-out` }}
    >
      <p>
        {count(user.sessions.length, 'open session')} will be rejected at once. The user
        may sign in again.
        {user.user_id === me.user_id && ' This is you: you will have to sign in again.'}
      </p>
    </ConfirmDialog>
  )
}
