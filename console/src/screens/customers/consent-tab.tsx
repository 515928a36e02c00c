/** Whether a customer wants messages, since when, and by which records. */
import { useApi, useApiList } from '@/api/query'
import { pathOf } from '@/api/curl'
import { useMay } from '@/app/use-session'
import { LISTED_FOR, suppressionSentence } from '@/format'
import { useActorNames } from '@/screens/audit/use-names'
import { useQueryParam } from '@/url/use-query-param'
import { Badge } from '@/ui/badge'
import { Button } from '@/ui/button'
import { CopyCurl } from '@/ui/copy'
import { TextLink } from '@/ui/link'
import { Notice } from '@/ui/notice'
import { Card, Definitions, None } from '@/ui/page'
import { EmptyState, Read } from '@/ui/state'
import { type Column, LoadMore, Table } from '@/ui/table'
import { Time } from '@/ui/time'
import { Narrow } from '@/ui/wide'
import type { Customer } from './columns'
import { ConsentDialog } from './consent-dialog'
import { CONSENT, type Consent, currentConsent, sourceText } from './consents'

const PAGE = 50

export function ConsentTab({ customer }: { customer: Customer }) {
  const id = customer.customer_id
  const mayRecord = useMay('record consents') && !customer.merged_into
  const [dialog, setDialog] = useQueryParam('dialog')
  const params = { path: { id }, query: { limit: PAGE } }
  const consents = useApiList('/api/customers/{id}/consents', { params })
  const query = { ...consents, data: consents.items }
  return (
    <div className="flex flex-col gap-4">
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Card
          title="Now"
          actions={
            mayRecord && (
              <Button icon="plus" onClick={() => setDialog('consent', { push: true })}>
                Record a consent
              </Button>
            )
          }
        >
          <Read query={query} lines={3}>
            {(items) => <Current customer={customer} items={items} />}
          </Read>
        </Card>
        <Addresses customer={customer} />
      </div>
      <Card
        flush
        title="Records"
        actions={
          <CopyCurl
            path={`/api/customers/${encodeURIComponent(id)}/consents`}
            query={{ limit: PAGE }}
          />
        }
      >
        <Read flush query={query}>
          {(items) =>
            items.length === 0 ? (
              <EmptyState icon="audit" title="Nothing was recorded yet">
                Each opt-out and each consent is kept here, with its source and time.
              </EmptyState>
            ) : (
              <Records items={items} footer={<LoadMore query={consents} />} />
            )
          }
        </Read>
      </Card>
      {mayRecord && dialog === 'consent' && (
        <ConsentDialog customer={customer} onClose={() => setDialog(null)} />
      )}
    </div>
  )
}

function Current({ customer, items }: { customer: Customer; items: readonly Consent[] }) {
  const { state, record } = currentConsent(customer, items)
  const { text, color, explanation } = CONSENT[state]
  return (
    <div className="flex flex-col gap-2">
      <p>
        <Badge color={color}>{text}</Badge>
      </p>
      <p className="text-muted">{explanation}</p>
      {customer.suppression && !customer.unsubscribed && (
        <Notice title="Campaigns send nothing to this customer">
          {suppressionSentence(customer.suppression)}
        </Notice>
      )}
      {record && (
        <Definitions
          items={[
            { term: 'Since', value: <Time at={record.at} /> },
            { term: 'Source', value: record.source && sourceText(record.source) },
            { term: 'Wording', value: record.wording, hidden: !record.wording },
          ]}
        />
      )}
    </div>
  )
}

/** The addresses of now, and whether campaigns send to them at all. */
function Addresses({ customer: { email, phone } }: { customer: Customer }) {
  return (
    <Card title="Addresses">
      {email || phone ? (
        <Definitions
          items={[
            {
              term: 'Email',
              value: email && <Address address={email} />,
              hidden: !email,
            },
            {
              term: 'Phone',
              value: phone && <Address address={phone} />,
              hidden: !phone,
            },
          ]}
        />
      ) : (
        <p className="text-muted">
          The customer has neither an email address nor a phone number, and gets no
          messages.
        </p>
      )}
    </Card>
  )
}

function Address({ address }: { address: string }) {
  const found = useApi('/api/suppressions', { params: { query: { address } } })
  return (
    <div className="flex flex-col gap-1">
      {address}
      <Read query={found} lines={1}>
        {({ items: [listed] }) =>
          listed ? (
            <span className="flex flex-wrap items-center gap-x-2 text-sm">
              <Badge color="bad">Suppressed</Badge>
              <span className="text-muted">
                {listed.detail && LISTED_FOR[listed.detail].explanation}
              </span>
              <TextLink to={pathOf('/suppressions', { address })}>
                Suppression list
              </TextLink>
            </span>
          ) : (
            <span className="text-sm text-muted">Not on the suppression list</span>
          )
        }
      </Read>
    </div>
  )
}

function Records({
  items,
  footer,
}: {
  items: readonly Consent[]
  footer: React.ReactNode
}) {
  const nameOf = useActorNames()
  const audits = useMay('read the audit trail')
  const columns: Column<Consent>[] = [
    {
      id: 'state',
      header: 'Record',
      cell: ({ state, at }) => (
        <>
          <Badge color={CONSENT[state].color}>{CONSENT[state].text}</Badge>
          <Narrow className="mt-1 text-sm text-muted">
            <Time at={at} />
          </Narrow>
        </>
      ),
    },
    {
      id: 'at',
      header: 'Time',
      cell: ({ at }) => <Time at={at} />,
      wideOnly: true,
    },
    {
      id: 'source',
      header: 'Source',
      cell: ({ source, wording }) => (
        <div className="max-w-prose wrap-anywhere">
          {source ? sourceText(source) : <None text="not recorded" />}
          {wording && <p className="text-sm text-muted">“{wording}”</p>}
        </div>
      ),
    },
    {
      id: 'addresses',
      header: 'Addresses',
      cell: ({ addresses }) => <AddressTexts addresses={addresses} />,
      wideOnly: true,
    },
    {
      id: 'by',
      header: 'Recorded',
      cell: ({ actor, ip, recorded_at, position }) => (
        <div className="text-sm">
          <Time at={recorded_at} />
          <p className="text-muted wrap-anywhere">
            by{' '}
            {audits ? (
              <TextLink
                to={`/audit/${encodeURIComponent(position)}`}
                title="The entry in the log"
              >
                {nameOf(actor)}
              </TextLink>
            ) : (
              nameOf(actor)
            )}
            {ip && ` from ${ip}`}
          </p>
        </div>
      ),
      wideOnly: true,
    },
  ]
  return (
    <Table
      label="Consents"
      columns={columns}
      rows={items}
      rowKey={(row) => row.position}
      footer={footer}
    />
  )
}

function AddressTexts({ addresses }: { addresses: Consent['addresses'] }) {
  const known = [addresses.email, addresses.phone].filter(Boolean)
  if (known.length === 0) return <None />
  return <span className="text-sm wrap-anywhere">{known.join(', ')}</span>
}
