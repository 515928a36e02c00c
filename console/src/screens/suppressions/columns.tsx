/** The columns of the suppression list. */
import { pathOf } from '@/api/curl'
import { useMay } from '@/app/use-session'
import { count, LISTED_FOR } from '@/format'
import { aggregateKey } from '@/format/aggregate'
import { useActorNames } from '@/screens/audit/use-names'
import { Badge } from '@/ui/badge'
import { Button } from '@/ui/button'
import { TextLink } from '@/ui/link'
import { None } from '@/ui/page'
import type { Column } from '@/ui/table'
import { Time } from '@/ui/time'
import { Narrow } from '@/ui/wide'
import type { SuppressedAddress } from './filter'

/** `onRemove` is `null` for a role that may not change the list. */
export function useColumns(
  onRemove: ((row: SuppressedAddress) => void) | null,
): Column<SuppressedAddress>[] {
  const nameOf = useActorNames()
  const audits = useMay('read the audit trail')
  const columns: Column<SuppressedAddress>[] = [
    {
      id: 'address',
      header: 'Address',
      width: 'minmax(9rem, 2.2fr)',
      cell: (row) => (
        <>
          <span className="block truncate font-medium" title={row.address ?? undefined}>
            {row.address ?? <None text="not known" />}
          </span>
          <Narrow>
            <Reason row={row} />
          </Narrow>
        </>
      ),
    },
    {
      id: 'reason',
      header: 'Reason',
      width: 'minmax(8rem, 1fr)',
      cell: (row) => <Reason row={row} />,
      wideOnly: true,
    },
    {
      id: 'counts',
      header: 'Bounces and complaints',
      width: 'minmax(10rem, 1.5fr)',
      cell: (row) => countsText(row) ?? <None />,
      wideOnly: true,
    },
    {
      id: 'since',
      header: 'Since',
      width: '12.5rem',
      cell: (row) => <Time at={row.created_at} />,
      wideOnly: true,
    },
    {
      id: 'by',
      header: 'By',
      width: 'minmax(7rem, 1fr)',
      cell: (row) => nameOf(row.created_by),
      wideOnly: true,
    },
  ]
  if (audits) {
    columns.push({
      id: 'history',
      header: <span className="sr-only">History</span>,
      width: '5.5rem',
      align: 'end',
      cell: (row) => (
        <TextLink
          className="text-sm"
          to={pathOf('/audit', { aggregate: aggregateKey('address', row.address_id) })}
          aria-label={`History of ${row.address ?? row.address_id} in the audit trail`}
        >
          History
        </TextLink>
      ),
      wideOnly: true,
    })
  }
  if (onRemove) {
    columns.push({
      id: 'remove',
      header: <span className="sr-only">Remove</span>,
      width: '7rem',
      align: 'end',
      cell: (row) => (
        <Button
          small
          kind="quiet"
          aria-label={`Remove ${row.address ?? row.address_id}`}
          onClick={() => onRemove(row)}
        >
          Remove
        </Button>
      ),
    })
  }
  return columns
}

function Reason({ row }: { row: SuppressedAddress }) {
  const listed = row.detail && LISTED_FOR[row.detail]
  return (
    <>
      {listed ? (
        <Badge color={listed.color} title={listed.explanation}>
          {listed.text}
        </Badge>
      ) : (
        <None text="not known" />
      )}
      {row.quarantined && (
        <span className="ml-2">
          <Badge color="warn" title={row.quarantined.reason}>
            Held back
          </Badge>
        </span>
      )}
    </>
  )
}

function countsText(row: SuppressedAddress): string | null {
  const parts = [
    row.hard_bounces > 0 && `${row.hard_bounces} hard`,
    row.soft_bounces > 0 && `${row.soft_bounces} soft`,
    row.complaints > 0 && count(row.complaints, 'complaint'),
  ]
  return parts.filter(Boolean).join(', ') || null
}
