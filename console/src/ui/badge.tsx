import type { ReactNode } from 'react'
import type { Schemas } from '@/api/client'
import { CAMPAIGN_STATUS, MESSAGE_STATUS, type StatusColor } from '@/format'
import { cx } from './cx'

const COLORS: Record<StatusColor, string> = {
  neutral: 'bg-sunken text-fg',
  accent: 'bg-accent-soft text-accent',
  good: 'bg-good-soft text-good',
  warn: 'bg-warn-soft text-warn',
  bad: 'bg-bad-soft text-bad',
}

export function Badge({
  color = 'neutral',
  title,
  children,
}: {
  color?: StatusColor
  title?: string
  children: ReactNode
}) {
  return (
    <span
      title={title}
      className={cx(
        'inline-flex h-5 max-w-full items-center gap-1.5 rounded px-1.5 text-xs font-medium whitespace-nowrap',
        COLORS[color],
      )}
    >
      {children}
    </span>
  )
}

/** A dot of the color, for a state in a line of text. It needs a text beside it. */
export function Dot({ color }: { color: StatusColor }) {
  const fill = {
    neutral: 'bg-line-strong',
    accent: 'bg-accent',
    good: 'bg-good',
    warn: 'bg-warn',
    bad: 'bg-bad',
  }[color]
  return <span className={cx('size-2 shrink-0 rounded-full', fill)} aria-hidden="true" />
}

export function CampaignStatusBadge({ status }: { status: Schemas['CampaignStatus'] }) {
  const { text, color, explanation } = CAMPAIGN_STATUS[status]
  return (
    <Badge color={color} title={explanation}>
      {text}
    </Badge>
  )
}

export function MessageStatusBadge({ status }: { status: Schemas['MessageStatus'] }) {
  const { text, color, explanation } = MESSAGE_STATUS[status]
  return (
    <Badge color={color} title={explanation}>
      {text}
    </Badge>
  )
}

/** A tag of a customer or a campaign. */
export function Tag({ children }: { children: ReactNode }) {
  return (
    <span className="inline-flex h-5 max-w-full items-center rounded border border-line px-1.5 text-xs">
      <span className="truncate">{children}</span>
    </span>
  )
}
