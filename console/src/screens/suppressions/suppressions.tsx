/** The suppression list: addresses to which no campaign sends. */
import { useState } from 'react'
import { pathOf } from '@/api/curl'
import { useApiList } from '@/api/query'
import { useScreenActions } from '@/app/actions'
import { useMay } from '@/app/use-session'
import { LISTED_FOR, LISTED_REASONS } from '@/format'
import { useQueryParam, useSetQueryParams } from '@/url/use-query-param'
import { Button } from '@/ui/button'
import { CopyCurl } from '@/ui/copy'
import { CsvButton } from '@/ui/csv-button'
import { SearchInput, Segmented, Select } from '@/ui/input'
import { Card, PageHeader } from '@/ui/page'
import { EmptyState } from '@/ui/state'
import { VirtualTable } from '@/ui/virtual-table'
import { AddDialog } from './add-dialog'
import { useColumns } from './columns'
import {
  exportQueryOf,
  filterOf,
  queryOf,
  type SuppressedAddress,
  type SuppressionFilter,
} from './filter'
import { ImportDialog } from './import-dialog'
import { RemoveDialog } from './remove-dialog'

const PAGE = 200

export function Component() {
  const mayChange = useMay('change suppressions')
  const filter = useFilter()
  const [dialog, setDialog] = useQueryParam('dialog')
  const [removing, setRemoving] = useState<SuppressedAddress | null>(null)
  const query = { limit: PAGE, ...queryOf(filter) }
  const list = useApiList(
    '/api/suppressions',
    { params: { query } },
    { keepPrevious: true },
  )
  const add = () => setDialog('add', { push: true })
  const upload = () => setDialog('import', { push: true })
  const close = () => setDialog(null)
  useScreenActions(
    mayChange
      ? [
          { id: 'add', label: 'Suppress an address', icon: 'plus', run: add },
          { id: 'import', label: 'Import suppressions', icon: 'upload', run: upload },
        ]
      : [],
  )
  const columns = useColumns(mayChange ? setRemoving : null)
  return (
    <>
      <PageHeader
        title="Suppressions"
        description="Addresses to which no campaign sends, whoever has them."
        actions={
          <>
            <CopyCurl path="/api/suppressions" query={query} />
            <CsvButton
              path={pathOf('/api/suppressions', exportQueryOf(filter))}
              fileName="suppressions.csv"
            />
            {mayChange && (
              <>
                <Button icon="upload" onClick={upload}>
                  Import
                </Button>
                <Button kind="primary" icon="plus" onClick={add}>
                  Suppress an address
                </Button>
              </>
            )}
          </>
        }
      />
      <Filters filter={filter} />
      <Card flush>
        <VirtualTable
          // Another filter is another list, which begins at its top.
          key={JSON.stringify(queryOf(filter))}
          label="Suppressed addresses"
          columns={columns}
          query={list}
          rowKey={(row) => row.address_id}
          empty={<Nothing filter={filter} onAdd={add} onImport={upload} />}
        />
      </Card>
      {mayChange && dialog === 'add' && <AddDialog onClose={close} />}
      {mayChange && dialog === 'import' && <ImportDialog onClose={close} />}
      {removing && <RemoveDialog target={removing} onClose={() => setRemoving(null)} />}
    </>
  )
}

function useFilter(): SuppressionFilter {
  const [address] = useQueryParam('address')
  const [detail] = useQueryParam('detail')
  const [channel] = useQueryParam('channel')
  return filterOf({ address, detail, channel })
}

function Filters({ filter }: { filter: SuppressionFilter }) {
  const setParams = useSetQueryParams()
  return (
    <div className="mb-3 flex flex-wrap gap-2">
      <SearchInput
        label="Find an address"
        placeholder="Whole email address or phone number"
        value={filter.address}
        onChange={(address) => setParams({ address })}
        className="w-full sm:w-96"
      />
      <Select
        aria-label="Reason"
        className="w-44 max-sm:grow"
        value={filter.detail ?? ''}
        onChange={(event) => setParams({ detail: event.target.value })}
      >
        <option value="">Any reason</option>
        {LISTED_REASONS.map((reason) => (
          <option key={reason} value={reason}>
            {LISTED_FOR[reason].text}
          </option>
        ))}
      </Select>
      <Segmented
        label="Kind of address"
        value={filter.channel ?? 'all'}
        onChange={(channel) => setParams({ channel: channel === 'all' ? null : channel })}
        choices={[
          { value: 'all', label: 'All' },
          { value: 'email', label: 'Email' },
          { value: 'phone', label: 'Phone' },
        ]}
      />
      {filter.detail && (
        <p className="w-full text-sm text-muted">
          {LISTED_FOR[filter.detail].explanation}
        </p>
      )}
    </div>
  )
}

function Nothing({
  filter,
  onAdd,
  onImport,
}: {
  filter: SuppressionFilter
  onAdd: () => void
  onImport: () => void
}) {
  const mayChange = useMay('change suppressions')
  const setParams = useSetQueryParams()
  if (filter.address || filter.detail || filter.channel) {
    return (
      <EmptyState
        icon="search"
        title="No such address on the list"
        actions={
          <Button
            onClick={() => setParams({ address: null, detail: null, channel: null })}
          >
            Show all
          </Button>
        }
      >
        {filter.address && 'The search compares whole addresses, without regard to case.'}
      </EmptyState>
    )
  }
  return (
    <EmptyState
      icon="blocked"
      title="No suppressed addresses"
      actions={
        mayChange && (
          <>
            <Button icon="plus" onClick={onAdd}>
              Suppress an address
            </Button>
            <Button icon="upload" onClick={onImport}>
              Import
            </Button>
          </>
        )
      }
    >
      Patron adds addresses that bounce or complain. Marketers and admins can add others,
      such as the list of a mailing tool that was used before.
    </EmptyState>
  )
}
