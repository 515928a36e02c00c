import { useApi } from '@/api/query'
import { useQueryParam } from '@/url/use-query-param'
import { Badge } from '@/ui/badge'
import { CopyCurl } from '@/ui/copy'
import { SearchInput, Segmented } from '@/ui/input'
import { Card, None, PageHeader } from '@/ui/page'
import { EmptyState, Read } from '@/ui/state'
import { type Column, Table } from '@/ui/table'
import { Narrow } from '@/ui/wide'
import { filterSettings, type Setting, SOURCES, valueText } from './groups'

const COLUMNS: Column<Setting>[] = [
  {
    id: 'name',
    header: 'Setting',
    cell: (setting) => (
      <div>
        <code className="font-mono text-sm font-medium wrap-anywhere">
          {setting.name}
        </code>
        {setting.flag && setting.flag !== setting.name && (
          <div className="font-mono text-xs wrap-anywhere text-muted">{setting.flag}</div>
        )}
        <Narrow className="mt-1">
          <Value setting={setting} />
        </Narrow>
      </div>
    ),
  },
  {
    id: 'value',
    header: 'Value',
    cell: (setting) => <Value setting={setting} />,
    wideOnly: true,
  },
  {
    id: 'source',
    header: 'Source',
    cell: ({ source }) => (
      <Badge
        color={source === 'default' || source === 'unset' ? 'neutral' : 'accent'}
        title={SOURCES[source].hint}
      >
        {SOURCES[source].text}
      </Badge>
    ),
  },
]

function Value({ setting }: { setting: Setting }) {
  const text = valueText(setting)
  if (text === null) return <None text="no value" />
  if (setting.secret) return <span className="text-muted">Set, not shown</span>
  return <code className="font-mono text-sm wrap-anywhere">{text}</code>
}

export function Component() {
  const settings = useApi('/api/admin/settings')
  const [search, setSearch] = useQueryParam('q')
  const [show, setShow] = useQueryParam('show', 'all')
  return (
    <>
      <PageHeader
        title="Settings"
        description="The options of the process that answers here. They change with its flags and environment, at its next start."
        actions={<CopyCurl path="/api/admin/settings" />}
      />
      <div className="mb-3 flex flex-wrap gap-2">
        <SearchInput
          label="Search settings"
          value={search}
          onChange={setSearch}
          className="w-full sm:w-72"
        />
        <Segmented
          label="Settings to show"
          value={show === 'changed' ? 'changed' : 'all'}
          onChange={setShow}
          choices={[
            { value: 'all', label: 'All' },
            { value: 'changed', label: 'Set by you' },
          ]}
        />
      </div>
      <Card flush>
        <Read flush query={settings} lines={12}>
          {({ items }) => {
            const rows = filterSettings(items, search, show)
            return rows.length === 0 ? (
              <EmptyState icon="search" title="No setting matches" />
            ) : (
              <Table
                label="Settings"
                columns={COLUMNS}
                rows={rows}
                rowKey={(setting) => setting.name}
              />
            )
          }}
        </Read>
      </Card>
    </>
  )
}
