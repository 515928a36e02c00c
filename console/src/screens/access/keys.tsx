import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { api, call, type Schemas } from '@/api/client'
import { pathOf } from '@/api/curl'
import { idempotencyKey } from '@/api/idempotency-key'
import { useApiList, useInvalidate } from '@/api/query'
import { useScreenActions } from '@/app/actions'
import { useKept } from '@/app/kept'
import { aggregateKey } from '@/format/aggregate'
import { fromLocalInput } from '@/format/local-time'
import { useActorNames } from '@/screens/audit/use-names'
import { useQueryParam } from '@/url/use-query-param'
import { Badge } from '@/ui/badge'
import { Button } from '@/ui/button'
import { CodeBlock } from '@/ui/code'
import { CopyCurl } from '@/ui/copy'
import { ConfirmDialog, Dialog } from '@/ui/dialog'
import { Field, Form, FormProblem } from '@/ui/form'
import { Input, RadioGroup, Segmented } from '@/ui/input'
import { TextLink } from '@/ui/link'
import { Card, None, PageHeader } from '@/ui/page'
import { EmptyState, Read } from '@/ui/state'
import { type Column, LoadMore, Table } from '@/ui/table'
import { Time } from '@/ui/time'
import { toast } from '@/ui/toast'
import { KEY_ROLES, keyState, roleText } from './roles'

type Key = Schemas['Key']
type Created = Schemas['KeyCreated']

const STATES = {
  active: { text: 'Active', color: 'good' },
  expired: { text: 'Expired', color: 'neutral' },
  revoked: { text: 'Revoked', color: 'bad' },
} as const

export function Component() {
  const keys = useApiList('/api/keys', { params: { query: { limit: 200 } } })
  const [shown, setShown] = useQueryParam('show', 'active')
  const [dialog, setDialog] = useQueryParam('dialog')
  const [revoking, setRevoking] = useState<Key | null>(null)
  const openNew = () => setDialog('new', { push: true })
  useScreenActions([{ id: 'new-key', label: 'Create a key', icon: 'plus', run: openNew }])
  const nameOf = useActorNames()
  const now = Date.now()
  const columns: Column<Key>[] = [
    {
      id: 'name',
      header: 'Name',
      cell: (key) => (
        <div className="min-w-40">
          <div className="font-medium wrap-anywhere">{key.name}</div>
          {key.client !== key.name && (
            <div className="text-sm wrap-anywhere text-muted">Client: {key.client}</div>
          )}
          <code className="font-mono text-xs text-muted">{key.prefix}…</code>
        </div>
      ),
    },
    { id: 'role', header: 'Role', cell: (key) => <Badge>{roleText(key.role)}</Badge> },
    {
      id: 'state',
      header: 'State',
      cell: (key) => {
        const state = STATES[keyState(key, now)]
        return <Badge color={state.color}>{state.text}</Badge>
      },
    },
    {
      id: 'used',
      header: 'Last used',
      cell: (key) => <Time at={key.last_used_at} relative />,
      wideOnly: true,
    },
    {
      id: 'ends',
      header: 'Ends',
      cell: (key) =>
        (key.revoked_at ?? key.expires_at) ? (
          <Time at={key.revoked_at ?? key.expires_at} />
        ) : (
          <None text="never" />
        ),
      wideOnly: true,
    },
    {
      id: 'created',
      header: 'Created',
      cell: (key) => (
        <span>
          <Time at={key.created_at} />{' '}
          <span className="text-sm text-muted">by {nameOf(key.created_by)}</span>
        </span>
      ),
      wideOnly: true,
    },
    {
      id: 'actions',
      header: <span className="sr-only">Actions</span>,
      align: 'end',
      cell: (key) => (
        <span className="inline-flex flex-wrap justify-end gap-1">
          {keyState(key, now) === 'active' && (
            <Button
              small
              kind="quiet"
              aria-label={`Revoke ${key.name}`}
              onClick={() => setRevoking(key)}
            >
              Revoke
            </Button>
          )}
          <TextLink
            className="self-center px-2 text-sm touch:py-3"
            to={`/audit?actor=${encodeURIComponent(`key:${key.key_id}`)}`}
            aria-label={`Actions of ${key.name} in the audit trail`}
          >
            Actions
          </TextLink>
          <TextLink
            className="self-center px-2 text-sm touch:py-3"
            to={pathOf('/audit', { aggregate: aggregateKey('api_key', key.key_id) })}
            aria-label={`History of ${key.name} in the audit trail`}
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
        title="Keys"
        description="Keys identify programs, such as a shop's server. A key has one role, and its actions are in the audit trail."
        actions={
          <>
            <CopyCurl path="/api/keys" />
            <Button kind="primary" icon="plus" onClick={openNew}>
              Create a key
            </Button>
          </>
        }
      />
      <div className="mb-3">
        <Segmented
          label="Keys to show"
          value={shown === 'all' ? 'all' : 'active'}
          onChange={setShown}
          choices={[
            { value: 'active', label: 'Active' },
            { value: 'all', label: 'All' },
          ]}
        />
      </div>
      <Card flush>
        <Read flush query={{ ...keys, data: keys.items }}>
          {(items) => {
            const rows =
              shown === 'all'
                ? items
                : items.filter((key) => keyState(key, now) === 'active')
            return rows.length === 0 && !keys.hasNextPage ? (
              <EmptyState
                icon="keys"
                title={items.length === 0 ? 'No keys yet' : 'No active keys'}
                actions={
                  <Button icon="plus" onClick={openNew}>
                    Create a key
                  </Button>
                }
              >
                Give each program a key of its own, so that it can be revoked alone.
              </EmptyState>
            ) : (
              <Table
                label="Keys"
                columns={columns}
                rows={rows}
                rowKey={(key) => key.key_id}
                footer={<LoadMore query={keys} />}
              />
            )
          }}
        </Read>
      </Card>
      {dialog === 'new' && <NewKey onClose={() => setDialog(null)} />}
      {revoking && <Revoke target={revoking} onClose={() => setRevoking(null)} />}
    </>
  )
}

const EMPTY = { name: '', role: 'ingest' as Created['role'], client: '', expires: '' }

function NewKey({ onClose }: { onClose: () => void }) {
  const invalidate = useInvalidate()
  const [form, setForm, forget] = useKept('new-key', EMPTY)
  // A repeated request with the same name for it cannot create a second key.
  const [requestName] = useState(idempotencyKey)
  const expiresAt = form.expires ? fromLocalInput(form.expires) : null
  const impossible = form.expires !== '' && expiresAt === null
  const create = useMutation({
    mutationFn: () =>
      call(
        api.POST('/api/keys', {
          params: { header: { 'Idempotency-Key': requestName } },
          body: {
            name: form.name,
            role: form.role,
            ...(form.client ? { client: form.client } : {}),
            ...(expiresAt ? { expires_at: expiresAt } : {}),
          },
        }),
      ),
    onSuccess: async () => {
      forget()
      await invalidate('/api/keys')
    },
  })
  if (create.data) return <Secret created={create.data} onClose={onClose} />
  const submit = () => {
    // Enter in a field submits too, also while a request is under way.
    if (!impossible && !create.isPending) create.mutate()
  }
  return (
    <Dialog
      open
      onClose={onClose}
      title="Create a key"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" busy={create.isPending} onClick={submit}>
            Create
          </Button>
        </>
      }
    >
      <Form error={create.error} onSubmit={submit} className="flex flex-col gap-4">
        <Field
          label="Name"
          pointer="/name"
          hint="The program that uses the key, such as “Web shop”."
        >
          <Input
            autoFocus
            value={form.name}
            onChange={(event) => setForm({ ...form, name: event.target.value })}
          />
        </Field>
        <RadioGroup
          label="Role"
          value={form.role}
          onChange={(role) => setForm({ ...form, role })}
          choices={KEY_ROLES}
        />
        <Field
          label="Client"
          optional
          pointer="/client"
          hint="The program that uses the key; by default, the name above. A key that replaces another one has the same client, so that the program can repeat its requests without a second effect."
        >
          <Input
            value={form.client}
            onChange={(event) => setForm({ ...form, client: event.target.value })}
          />
        </Field>
        <Field
          label="Expires"
          optional
          pointer="/expires_at"
          error={impossible ? 'This time does not exist in your time zone.' : null}
        >
          <Input
            type="datetime-local"
            value={form.expires}
            onChange={(event) => setForm({ ...form, expires: event.target.value })}
          />
        </Field>
        <FormProblem error={create.error} />
        <button type="submit" className="sr-only" tabIndex={-1}>
          Create
        </button>
      </Form>
    </Dialog>
  )
}

function Secret({ created, onClose }: { created: Created; onClose: () => void }) {
  return (
    <Dialog
      open
      sticky
      onClose={onClose}
      title={`The secret of ${created.name}`}
      footer={
        <Button kind="primary" onClick={onClose}>
          I have stored it
        </Button>
      }
    >
      {created.secret ? (
        <>
          <p>
            Copy it now. Patron stores only a hash of it, so it cannot be shown again.
          </p>
          <CodeBlock label="Secret" text={created.secret} wrap />
          <p className="text-sm text-muted">
            Send it as <code>Authorization: Bearer …</code>
          </p>
        </>
      ) : (
        <p>
          The key was created by an earlier attempt whose answer was lost, and its secret
          with it. Revoke this key and create another one.
        </p>
      )}
    </Dialog>
  )
}

function Revoke({ target, onClose }: { target: Key; onClose: () => void }) {
  const invalidate = useInvalidate()
  const revoke = useMutation({
    mutationFn: () =>
      call(
        api.DELETE('/api/keys/{key_id}', { params: { path: { key_id: target.key_id } } }),
      ),
    onSuccess: async () => {
      toast(`${target.name} is revoked.`)
      await invalidate('/api/keys')
      onClose()
    },
  })
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      onConfirm={() => revoke.mutate()}
      title={`Revoke ${target.name}?`}
      confirm="Revoke"
      danger
      busy={revoke.isPending}
      error={revoke.error}
      request={{ method: 'DELETE', path: `/api/keys/${target.key_id}` }}
    >
      <p>
        Requests with this key are rejected at once, and a revoked key cannot be used
        again. {target.last_used_at ? 'It was last used ' : 'It was never used.'}
        {target.last_used_at && (
          <>
            <Time at={target.last_used_at} relative />.
          </>
        )}
      </p>
    </ConfirmDialog>
  )
}
