import { useState } from 'react'
import { number, percent, shortNumber } from '@/format'
import { useCurrency } from '@/api/use-currency'
import { useMay } from '@/app/use-session'
import { Segmented } from '@/ui/input'
import { TimeSeries } from '@/ui/chart'
import { CodeBlock } from '@/ui/code'
import { CopyableId } from '@/ui/code'
import { Card, Definitions, None } from '@/ui/page'
import { Read } from '@/ui/state'
import { StatTile, StatTiles } from '@/ui/stat'
import { Time } from '@/ui/time'
import { Tooltip } from '@/ui/tooltip'
import { useQueryParam } from '@/url/use-query-param'
import { useRulePreview } from './builder/preview'
import type { RuleGroup, Segment } from './edit-state'
import { formatsIn } from './formats'
import { changeOf, useSegmentHistory } from './history'
import { CampaignsOf } from './holders'
import { RuleTree } from './rule-tree'
import { SendTimeCard } from './send-time-card'

export function OverviewTab({ segment }: { segment: Segment }) {
  return (
    <div className="flex flex-col gap-4">
      {segment.quarantined && (
        <div
          role="status"
          className="rounded-md border border-warn/40 bg-warn-soft px-3 py-2.5"
        >
          An event of this segment is in quarantine: {segment.quarantined.reason}
        </div>
      )}
      <Figures segment={segment} />
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <RulesCard segment={segment} />
        <HistoryCard segment={segment} />
      </div>
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <div className="flex min-w-0 flex-col gap-4">
          <Card title="Used by">
            <CampaignsOf segment={segment} />
          </Card>
          <AboutCard segment={segment} />
        </div>
        <SendTimeCard segmentId={segment.segment_id} />
      </div>
    </div>
  )
}

function Figures({ segment }: { segment: Segment }) {
  const { audience } = segment
  const count = audience ? number(audience.count) : segment.archived_at ? <None /> : '…'
  return (
    <StatTiles>
      <StatTile
        label="Customers"
        value={count}
        detail={
          audience
            ? `of ${number(audience.total_customers)}`
            : segment.archived_at
              ? 'no longer counted'
              : 'being counted'
        }
      />
      <StatTile
        label="Share of all"
        value={audience ? percent(audience.count, audience.total_customers) : <None />}
        detail="of all customers"
      />
      <StatTile
        label="In use by"
        value={number(segment.held_by.length)}
        detail={segment.held_by.length === 1 ? 'campaign' : 'campaigns'}
      />
      <StatTile
        label="Counted"
        value={<Time at={audience?.as_of} relative />}
        detail={audience && `in ${number(audience.took_ms)} ms`}
      />
    </StatTiles>
  )
}

function RulesCard({ segment }: { segment: Segment }) {
  const mayCount = useMay('preview rules') && !segment.archived_at
  const currency = useCurrency()
  const live = useRulePreview(segment.text, { sample: 0, enabled: mayCount })
  const note = (pointer: string) => {
    const count = live.counts.get(pointer)
    return count === undefined ? null : (
      <span className="text-muted">{number(count)}</span>
    )
  }
  return (
    <Card
      title="Rules"
      actions={
        mayCount && (
          <span className="text-sm text-muted">
            <Tooltip text="How many customers match each part on its own, now.">
              Customers
            </Tooltip>
          </span>
        )
      }
    >
      <RuleTree
        rules={segment.rules as RuleGroup}
        formats={formatsIn(currency ?? 'USD')}
        note={mayCount ? note : undefined}
      />
      <div className="mt-3">
        <CodeBlock label="Rules as text" text={segment.text} wrap />
      </div>
    </Card>
  )
}

const DAYS = { '7': 'Week', '30': 'Month', '400': 'All' } as const

function HistoryCard({ segment }: { segment: Segment }) {
  const [days, setDays] = useQueryParam('days', '30')
  const [opened] = useState(() => Date.now())
  const length = Object.hasOwn(DAYS, days) ? Number(days) : 30
  const since = new Date(opened - length * 86_400_000).toISOString()
  const query = useSegmentHistory(segment.segment_id, since)
  return (
    <Card
      title="Customers over time"
      actions={
        <Segmented
          label="Period"
          value={days}
          onChange={setDays}
          choices={Object.entries(DAYS).map(([value, label]) => ({ value, label }))}
        />
      }
    >
      <Read query={query}>
        {({ items }) =>
          items.length < 2 ? (
            <p className="py-6 text-center text-muted">
              {items.length === 0
                ? 'Nothing was recorded in this period.'
                : 'The count has not changed in this period.'}
            </p>
          ) : (
            <>
              <TimeSeries
                label={`Customers in ${segment.name} over time`}
                times={items.map(({ at }) => at)}
                series={[
                  {
                    label: 'Customers',
                    values: items.map(({ count }) => count),
                    color: 1,
                    kind: 'area',
                    format: number,
                  },
                ]}
                formatAxis={shortNumber}
              />
              <p className="mt-2 text-sm text-muted">{changeText(changeOf(items))}</p>
            </>
          )
        }
      </Read>
    </Card>
  )
}

function changeText(change: number | null): string {
  if (change === null || change === 0) return 'As many as at the start of the period.'
  const words = change > 0 ? 'more' : 'fewer'
  return `${number(Math.abs(change))} ${words} than at the start of the period.`
}

function AboutCard({ segment }: { segment: Segment }) {
  return (
    <Card title="About">
      <Definitions
        items={[
          { term: 'Id', value: <CopyableId id={segment.segment_id} /> },
          { term: 'Version', value: number(segment.version) },
          {
            term: 'Created',
            value: <ByAt by={segment.created_by} at={segment.created_at} />,
          },
          {
            term: 'Changed',
            value: <ByAt by={segment.updated_by} at={segment.updated_at} />,
          },
          {
            term: 'Archived',
            value: <ByAt by={segment.archived_by} at={segment.archived_at} />,
            hidden: !segment.archived_at,
          },
        ]}
      />
    </Card>
  )
}

function ByAt({
  by,
  at,
}: {
  by: string | null | undefined
  at: string | null | undefined
}) {
  return (
    <>
      <Time at={at} /> by <code className="font-mono text-sm">{by}</code>
    </>
  )
}
