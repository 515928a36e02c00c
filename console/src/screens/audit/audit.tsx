import { useState } from 'react'
import { useSearchParams } from 'react-router'
import type { Schemas } from '@/api/client'
import { useApiList } from '@/api/query'
import { useSetQueryParams } from '@/url/use-query-param'
import { Button } from '@/ui/button'
import { CopyCurl } from '@/ui/copy'
import { Field, FormErrors } from '@/ui/form'
import { Input } from '@/ui/input'
import { Card, PageHeader } from '@/ui/page'
import { EmptyState } from '@/ui/state'
import type { Column } from '@/ui/table'
import { StackedTime, Time } from '@/ui/time'
import { VirtualTable } from '@/ui/virtual-table'
import { type AuditFilters, auditQuery, FILTER_NAMES } from './filters'
import { useActorNames } from './use-names'

type Row = Schemas['AuditRow']

function useColumns(): Column<Row>[] {
  const nameOf = useActorNames()
  return [
    {
      id: 'type',
      header: 'Event',
      width: 'minmax(11rem, 1.2fr)',
      cell: (row) => <code className="font-mono text-sm">{row.type}</code>,
    },
    {
      id: 'aggregate',
      header: 'Aggregate',
      width: 'minmax(10rem, 2fr)',
      cell: (row) => (
        <code className="font-mono text-sm text-muted" title={row.aggregate}>
          {row.aggregate}
        </code>
      ),
      wideOnly: true,
    },
    {
      id: 'actor',
      header: 'Actor',
      width: 'minmax(8rem, 1.2fr)',
      cell: (row) => <span title={row.actor}>{nameOf(row.actor)}</span>,
      wideOnly: true,
    },
    {
      id: 'position',
      header: 'Position',
      width: 'minmax(5rem, 0.6fr)',
      cell: (row) => <span className="text-muted">{row.position}</span>,
      wideOnly: true,
    },
    {
      id: 'at',
      header: 'Recorded',
      width: 'minmax(14rem, 1fr)',
      align: 'end',
      cell: (row) => <Time at={row.at} precise />,
      wideOnly: true,
    },
    {
      id: 'at-short',
      header: 'Recorded',
      width: '8rem',
      align: 'end',
      cell: (row) => <StackedTime at={row.at} />,
      narrowOnly: true,
    },
  ]
}

export function Component() {
  const [params] = useSearchParams()
  const filters = Object.fromEntries(
    FILTER_NAMES.map((name) => [name, params.get(name) ?? '']),
  ) as unknown as AuditFilters
  const query = auditQuery(filters)
  const audit = useApiList(
    '/api/audit',
    { params: { query: { limit: 200, ...query } } },
    { keepPrevious: true },
  )
  const columns = useColumns()
  const filtered = Object.keys(query).length > 0
  return (
    <>
      <PageHeader
        title="Audit"
        description="Every event of the log: who did what, and when."
        actions={<CopyCurl path="/api/audit" query={query} />}
      />
      <FormErrors error={audit.error}>
        <Filters key={params.toString()} filters={filters} />
      </FormErrors>
      <Card flush>
        <VirtualTable
          label="Audit trail"
          columns={columns}
          query={audit}
          rowKey={(row) => row.position}
          rowLink={(row) => `/audit/${encodeURIComponent(row.position)}`}
          empty={
            <EmptyState icon="audit" title="No event matches">
              {filtered
                ? 'Remove a filter, or check its spelling: filters compare whole values.'
                : 'Nothing was recorded yet.'}
            </EmptyState>
          }
        />
      </Card>
    </>
  )
}

const FIELDS: {
  name: keyof AuditFilters
  label: string
  placeholder?: string
  type?: 'date'
}[] = [
  { name: 'aggregate', label: 'Aggregate', placeholder: 'campaign/cmp_…' },
  { name: 'type', label: 'Event type', placeholder: 'order_placed.1' },
  { name: 'actor', label: 'Actor', placeholder: 'user:usr_… or key:key_…' },
  { name: 'customer_id', label: 'Customer', placeholder: 'c-1001' },
  { name: 'request_id', label: 'Request' },
  { name: 'from', label: 'From', type: 'date' },
  { name: 'to', label: 'To', type: 'date' },
]

function Filters({ filters }: { filters: AuditFilters }) {
  const setParams = useSetQueryParams()
  const [typed, setTyped] = useState(filters)
  const active = FILTER_NAMES.some((name) => filters[name])
  return (
    <form
      role="search"
      aria-label="Filters of the audit trail"
      className="mb-4 grid grid-cols-2 items-start gap-2 md:grid-cols-4 xl:grid-cols-8"
      onSubmit={(event) => {
        event.preventDefault()
        setParams({ ...typed }, { push: true })
      }}
    >
      {FIELDS.map(({ name, label, placeholder, type = 'text' }) => (
        <Field
          key={name}
          label={<span className="text-sm">{label}</span>}
          pointer={`/${name === 'from' ? 'since' : name === 'to' ? 'until' : name}`}
        >
          <Input
            type={type}
            placeholder={placeholder}
            spellCheck={false}
            value={typed[name]}
            onChange={(event) => setTyped({ ...typed, [name]: event.target.value })}
          />
        </Field>
      ))}
      <div className="flex gap-2 self-end">
        <Button type="submit" kind="primary">
          Filter
        </Button>
        {active && (
          <Button
            kind="quiet"
            onClick={() =>
              setParams(Object.fromEntries(FILTER_NAMES.map((name) => [name, null])), {
                push: true,
              })
            }
          >
            Clear
          </Button>
        )}
      </div>
    </form>
  )
}
