import { useMemo } from 'react'
import { None } from '@/ui/page'
import { EmptyState } from '@/ui/state'
import { Table } from '@/ui/table'
import { itemColumns, type PreviewItem } from './item-columns'
import type { ImportKind } from './types'

export function ItemTable({
  kind,
  items,
}: {
  kind: ImportKind
  items: readonly PreviewItem[]
}) {
  const numbered = useMemo(() => items.map((item, at) => ({ item, at })), [items])
  const columns = useMemo(() => itemColumns(kind, items), [kind, items])
  if (items.length === 0) {
    return (
      <EmptyState icon="warning" title="No row can be imported as the file is read now">
        Look at the reasons, and change the layout.
      </EmptyState>
    )
  }
  return (
    <Table
      label="First items, as they would be sent"
      columns={columns.map((column) => ({
        id: column.id,
        header: column.header,
        align: column.isNumber ? 'end' : 'start',
        cell: ({ item }: { item: PreviewItem; at: number }) => {
          const text = column.text(item)
          return text === null || text === '' ? (
            <None />
          ) : (
            <span className="block max-w-80 truncate" title={text}>
              {text}
            </span>
          )
        },
      }))}
      rows={numbered}
      rowKey={({ at }) => String(at)}
    />
  )
}
