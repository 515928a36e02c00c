import { useEffect } from 'react'
import type { Schemas } from '@/api/client'
import { useApiList } from '@/api/query'
import { IfMay, useMay } from '@/app/use-session'
import { number, percent } from '@/format'
import { useQueryParam, useSetQueryParams } from '@/url/use-query-param'
import { CampaignStatusBadge, Tag } from '@/ui/badge'
import { Button, ButtonLink, buttonClass } from '@/ui/button'
import { CopyCurl } from '@/ui/copy'
import { cx } from '@/ui/cx'
import { Icon } from '@/ui/icon'
import { SearchInput, Select } from '@/ui/input'
import { Menu, type MenuItem } from '@/ui/menu'
import { Card, None, PageHeader } from '@/ui/page'
import { EmptyState, Read } from '@/ui/state'
import { type Column, LoadMore, Table } from '@/ui/table'
import { Time } from '@/ui/time'
import { type DraftActions, editPath, isDraft, useDraftActions } from './draft-actions'
import { isFiltered, isLive, passes, STATUS_GROUPS } from './list-filter'

type Campaign = Schemas['Campaign']

const PAGE = 100
/** A filter reads on until this many campaigns are found. */
const WANTED = 50

export function Component() {
  const [text, setText] = useQueryParam('q')
  const [status, setStatus] = useQueryParam('status')
  const setParams = useSetQueryParams()
  const filter = { text, status }
  const mayChange = useMay('change campaigns')
  const drafts = useDraftActions({ onRemoved: () => undefined })
  const list = useApiList('/api/campaigns', { params: { query: { limit: PAGE } } })
  const { items, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage } =
    list
  const shown = items?.filter((campaign) => passes(campaign, filter)) ?? []

  // The API lists all campaigns, so a filter reads on until it has found enough.
  const isSearching = isFiltered(filter) && hasNextPage && shown.length < WANTED
  useEffect(() => {
    if (isSearching && !isFetchingNextPage && !isFetchNextPageError) void fetchNextPage()
  }, [isSearching, isFetchingNextPage, isFetchNextPageError, fetchNextPage])

  const live = items?.some((campaign) => isLive(campaign.status)) ?? false
  const { refetch } = list
  useEffect(() => {
    if (!live) return
    const timer = setInterval(() => {
      if (!document.hidden && !isFetchingNextPage) void refetch()
    }, 3_000)
    return () => clearInterval(timer)
  }, [live, refetch, isFetchingNextPage])

  return (
    <>
      <PageHeader
        title="Campaigns"
        description="One message to each customer of an audience, newest first."
        actions={
          <>
            <CopyCurl path="/api/campaigns" query={{ limit: PAGE }} />
            <IfMay ability="change campaigns">
              <ButtonLink to="/campaigns/new" kind="primary" icon="plus">
                New campaign
              </ButtonLink>
            </IfMay>
          </>
        }
      />
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <SearchInput
          label="Search by name or tag"
          value={text}
          onChange={setText}
          className="w-72 max-sm:w-full"
        />
        <Select
          aria-label="Status"
          value={status}
          onChange={(event) => setStatus(event.target.value)}
          className="w-48 max-sm:w-full"
        >
          <option value="">All statuses</option>
          {STATUS_GROUPS.map((group) => (
            <option key={group.value} value={group.value}>
              {group.label}
            </option>
          ))}
        </Select>
        {isFiltered(filter) && (
          <Button
            kind="quiet"
            icon="close"
            onClick={() => setParams({ q: null, status: null })}
          >
            Clear
          </Button>
        )}
      </div>
      <Card flush>
        <Read flush query={{ ...list, data: items }} lines={8}>
          {(all) =>
            all.length === 0 ? (
              <EmptyState
                icon="campaigns"
                title="No campaigns yet"
                actions={
                  mayChange && (
                    <ButtonLink to="/campaigns/new" kind="primary" icon="plus">
                      New campaign
                    </ButtonLink>
                  )
                }
              >
                A campaign sends each customer of a segment one message, and accounts for
                every recipient.
              </EmptyState>
            ) : shown.length === 0 && !isSearching ? (
              <EmptyState icon="search" title="No campaign matches the filter" />
            ) : (
              <Table
                label="Campaigns"
                columns={columns(mayChange ? drafts : null)}
                rows={shown}
                rowKey={(campaign) => campaign.campaign_id}
                rowLink={(campaign) => linkOf(campaign, mayChange)}
                footer={
                  isSearching ? (
                    <p role="status" className="px-4 py-3 text-muted">
                      Searching older campaigns…
                    </p>
                  ) : (
                    <LoadMore query={list} label="Older campaigns" />
                  )
                }
              />
            )
          }
        </Read>
      </Card>
      {drafts.dialog}
    </>
  )
}

/** A draft opens in the composer, for those who may change it. */
function linkOf(campaign: Campaign, mayChange: boolean): string {
  const id = campaign.campaign_id
  return isDraft(campaign) && mayChange
    ? editPath(id)
    : `/campaigns/${encodeURIComponent(id)}`
}

function columns(drafts: DraftActions | null): Column<Campaign>[] {
  const figures: Column<Campaign>[] = (
    [
      ['audience', 'Audience', false],
      ['sent', 'Sent', true],
      ['delivered', 'Delivered', false],
      ['failed', 'Failed', true],
      ['suppressed', 'Suppressed', true],
    ] as const
  ).map(([id, header, wideOnly]) => ({
    id,
    header,
    wideOnly,
    align: 'end',
    cell: (campaign) => <Figure campaign={campaign} name={id} />,
  }))
  const all: Column<Campaign>[] = [
    { id: 'name', header: 'Campaign', cell: (campaign) => <Name campaign={campaign} /> },
    {
      id: 'status',
      header: 'Status',
      wideOnly: true,
      cell: (campaign) => <CampaignStatusBadge status={campaign.status} />,
    },
    ...figures,
    {
      id: 'at',
      header: 'Launched',
      wideOnly: true,
      cell: (campaign) => <When campaign={campaign} />,
    },
  ]
  if (!drafts) return all
  return [
    ...all,
    {
      id: 'actions',
      header: <span className="sr-only">Actions</span>,
      align: 'end',
      width: '3rem',
      cell: (campaign) => (
        <Menu
          label={`Actions for ${campaign.name}`}
          button={<Icon name="more" />}
          buttonClass={cx(buttonClass('quiet', true), 'w-7 px-0! touch:w-11')}
          items={menuOf(campaign, drafts)}
        />
      ),
    },
  ]
}

function menuOf(campaign: Campaign, drafts: DraftActions): MenuItem[] {
  const id = encodeURIComponent(campaign.campaign_id)
  const clone: MenuItem = {
    label: 'Clone',
    icon: 'copy',
    disabled: drafts.isCloning,
    onSelect: () => drafts.clone(campaign),
  }
  if (!isDraft(campaign)) {
    return [{ label: 'Open', icon: 'right', to: `/campaigns/${id}` }, clone]
  }
  return [
    { label: 'Edit', icon: 'edit', to: editPath(campaign.campaign_id) },
    { label: 'Show', icon: 'right', to: `/campaigns/${id}` },
    clone,
    {
      label: 'Delete draft',
      icon: 'trash',
      danger: true,
      onSelect: () => drafts.remove(campaign),
    },
  ]
}

function Name({ campaign }: { campaign: Campaign }) {
  return (
    <span className="inline-flex max-w-full flex-wrap items-center gap-x-2 gap-y-1">
      <span className="min-w-24 wrap-anywhere">{campaign.name}</span>
      <span className="md:hidden">
        <CampaignStatusBadge status={campaign.status} />
      </span>
      <span className="inline-flex gap-1 max-md:hidden">
        {campaign.tags.slice(0, 3).map((tag) => (
          <Tag key={tag}>{tag}</Tag>
        ))}
      </span>
    </span>
  )
}

function When({ campaign }: { campaign: Campaign }) {
  if (campaign.launched_at) return <Time at={campaign.launched_at} />
  if (campaign.scheduled_at && campaign.status === 'scheduled') {
    return (
      <span className="text-muted">
        for <Time at={campaign.scheduled_at} />
      </span>
    )
  }
  return (
    <span className="text-muted">
      changed <Time at={campaign.updated_at} relative />
    </span>
  )
}

function Figure({
  campaign,
  name,
}: {
  campaign: Campaign
  name: 'audience' | 'sent' | 'delivered' | 'failed' | 'suppressed'
}) {
  const { statistics, size, launched_at } = campaign
  // Before the launch there is no audience, and then it takes a moment to be known.
  if (!launched_at) return <None text="not launched" />
  if (name === 'audience') return number(size?.planned ?? statistics.audience)
  const value = statistics[name]
  const share = name === 'delivered' && statistics.audience > 0
  return (
    <span className={value === 0 ? 'text-muted' : ''}>
      {number(value)}{' '}
      {share && (
        <span className="ml-0.5 inline-block w-11 text-sm text-muted max-md:hidden">
          {percent(value, statistics.audience)}
        </span>
      )}
    </span>
  )
}
