import { useApiList } from '@/api/query'
import { useMay } from '@/app/use-session'
import { useQueryParam } from '@/url/use-query-param'
import { Button, ButtonLink, buttonClass } from '@/ui/button'
import { CopyCurl } from '@/ui/copy'
import { Icon } from '@/ui/icon'
import { Checkbox, SearchInput } from '@/ui/input'
import { Popup } from '@/ui/menu'
import { Card, PageHeader } from '@/ui/page'
import { EmptyState } from '@/ui/state'
import { VirtualTable } from '@/ui/virtual-table'
import {
  DEFAULT_COLUMNS,
  parseColumns,
  rememberColumns,
  rememberedColumns,
  toggled,
} from './chosen'
import { COLUMNS } from './columns'

/** The first column holds the link, so it is always there. */
const OPTIONAL = COLUMNS.filter((column) => column.id !== 'customer')
const KNOWN = OPTIONAL.map((column) => column.id)

export function Component() {
  const [search, setSearch] = useQueryParam('q')
  const [chosen, setChosen] = useColumns()
  const params = { query: { limit: 200, ...(search ? { q: search } : {}) } }
  const customers = useApiList('/api/customers', { params }, { keepPrevious: true })
  const shown = COLUMNS.filter(
    (column) => column.id === 'customer' || chosen.includes(column.id),
  )
  return (
    <>
      <PageHeader
        title="Customers"
        actions={
          <CopyCurl path="/api/customers" query={{ limit: 200, q: search || null }} />
        }
      />
      <div className="mb-3 flex flex-wrap gap-2">
        <SearchInput
          label="Search customers"
          placeholder="Start of an id, a name or an email address"
          value={search}
          onChange={setSearch}
          className="w-full sm:w-96"
        />
        {/* A phone has room for the first columns alone. */}
        <span className="max-md:hidden">
          <ColumnChooser chosen={chosen} onChange={setChosen} />
        </span>
      </div>
      <Card flush>
        <VirtualTable
          label="Customers"
          columns={shown}
          query={customers}
          rowKey={(customer) => customer.customer_id}
          rowLink={(customer) => `/customers/${encodeURIComponent(customer.customer_id)}`}
          empty={<Nobody search={search} onClear={() => setSearch(null)} />}
        />
      </Card>
    </>
  )
}

function useColumns(): [string[], (columns: string[]) => void] {
  const [text, setText] = useQueryParam('columns')
  const chosen =
    parseColumns(text, KNOWN) ??
    parseColumns(rememberedColumns(), KNOWN) ??
    DEFAULT_COLUMNS
  return [
    chosen,
    (columns) => {
      rememberColumns(columns)
      setText(columns.join(','))
    },
  ]
}

function ColumnChooser({
  chosen,
  onChange,
}: {
  chosen: string[]
  onChange: (columns: string[]) => void
}) {
  return (
    <Popup
      role="dialog"
      label="Columns"
      buttonClass={buttonClass('secondary')}
      button={
        <>
          <Icon name="settings" />
          Columns
        </>
      }
    >
      <div className="flex max-h-80 flex-col gap-1.5 overflow-y-auto p-2">
        {OPTIONAL.map((column) => (
          <Checkbox
            key={column.id}
            label={column.label}
            checked={chosen.includes(column.id)}
            onChange={() => onChange(toggled(chosen, column.id, KNOWN))}
          />
        ))}
        <Button small kind="quiet" onClick={() => onChange(DEFAULT_COLUMNS)}>
          Reset
        </Button>
      </div>
    </Popup>
  )
}

function Nobody({ search, onClear }: { search: string; onClear: () => void }) {
  const sends = useMay('send data')
  const imports = useMay('import files')
  if (search) {
    return (
      <EmptyState
        icon="search"
        title="No customer matches"
        actions={<Button onClick={onClear}>Clear the search</Button>}
      >
        The search compares the start of ids, names and email addresses. For anything
        else, such as a city, make a segment.
      </EmptyState>
    )
  }
  return (
    <EmptyState
      icon="customers"
      title="No customers yet"
      actions={
        <>
          {imports && (
            <ButtonLink to="/imports" kind="primary" icon="upload">
              Import a file
            </ButtonLink>
          )}
          {sends && <ButtonLink to="/">How to send data</ButtonLink>}
        </>
      }
    >
      Customers appear here as soon as your shop’s systems send them, or somebody imports
      a file.
    </EmptyState>
  )
}
