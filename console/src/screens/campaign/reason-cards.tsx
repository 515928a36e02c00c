/** Why messages did not arrive as they should, each with what that means. */
import type { ReactNode } from 'react'
import {
  COMPLAINT,
  MESSAGE_STATUS,
  number,
  suppressionExplanation,
  suppressionText,
} from '@/format'
import { TextLink } from '@/ui/link'
import { Card } from '@/ui/page'
import { recipientsPath } from './paths'
import { countOf, problemStatuses, suppressionsOf } from './statistics'
import type { Campaign } from './types'

/** Messages that were handed over, or should have been, and have a result to explain. */
export function Results({ campaign }: { campaign: Campaign }) {
  const { statistics } = campaign
  const statuses = problemStatuses(statistics)
  if (statuses.length === 0 && statistics.complained === 0) return null
  return (
    <Card title="Not confirmed or not delivered">
      <ul className="flex flex-col">
        {statuses.map((status) => (
          <Row
            key={status}
            messages={countOf(statistics, status)}
            explanation={MESSAGE_STATUS[status].explanation}
          >
            <TextLink to={recipientsPath(campaign.campaign_id, { status })}>
              {MESSAGE_STATUS[status].text}
            </TextLink>
          </Row>
        ))}
        {statistics.complained > 0 && (
          <Row messages={statistics.complained} explanation={COMPLAINT}>
            Complaints
          </Row>
        )}
      </ul>
    </Card>
  )
}

/** Why messages were suppressed, with the most frequent reason first. */
export function Suppressions({ campaign }: { campaign: Campaign }) {
  const reasons = suppressionsOf(campaign.statistics)
  if (reasons.length === 0) return null
  return (
    <Card title="Suppressed, by reason">
      <ul className="flex flex-col">
        {reasons.map(([reason, messages]) => (
          <Row
            key={reason}
            messages={messages}
            explanation={suppressionExplanation(reason)}
          >
            <TextLink
              to={recipientsPath(campaign.campaign_id, { status: 'suppressed', reason })}
            >
              {suppressionText(reason)}
            </TextLink>
          </Row>
        ))}
      </ul>
    </Card>
  )
}

function Row({
  messages,
  explanation,
  children,
}: {
  messages: number
  explanation: string | null
  children: ReactNode
}) {
  return (
    <li className="border-b border-line py-1.5 last:border-0">
      <div className="flex items-baseline justify-between gap-3">
        <span>{children}</span>
        <span>{number(messages)}</span>
      </div>
      {explanation && <p className="max-w-prose text-sm text-muted">{explanation}</p>}
    </li>
  )
}
