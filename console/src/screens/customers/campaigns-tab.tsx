import { ApiError } from '@/api/error'
import { useApi } from '@/api/query'
import { MESSAGE_STATUS, suppressionSentence } from '@/format'
import { useQueryParam } from '@/url/use-query-param'
import { MessageStatusBadge } from '@/ui/badge'
import { CopyCurl } from '@/ui/copy'
import { Field } from '@/ui/form'
import { Select } from '@/ui/input'
import { TextLink } from '@/ui/link'
import { Card } from '@/ui/page'
import { EmptyState, Read } from '@/ui/state'
import { VerdictTree } from '@/ui/verdict-tree'
import type { Schemas } from '@/api/client'
import type { Customer } from './columns'

/** Why this customer got the message of a campaign, or why not. */
export function CampaignsTab({ customer }: { customer: Customer }) {
  const [chosen, setChosen] = useQueryParam('campaign')
  const campaigns = useApi('/api/campaigns', { params: { query: { limit: 500 } } })
  const launched = campaigns.data?.items.filter((campaign) => campaign.launched_at)
  return (
    <Card
      title="Why did this customer get a campaign, or why not?"
      actions={
        chosen && (
          <CopyCurl
            path={`/api/campaigns/${encodeURIComponent(chosen)}/recipients/${encodeURIComponent(customer.customer_id)}`}
          />
        )
      }
    >
      <Read query={{ ...campaigns, data: launched }}>
        {(items) =>
          items.length === 0 ? (
            <EmptyState icon="campaigns" title="No campaign was launched yet" />
          ) : (
            <Field label="Campaign" className="max-w-xl">
              <Select
                className="w-full"
                value={chosen}
                onChange={(event) => setChosen(event.target.value)}
              >
                <option value="">Choose a campaign</option>
                {items.map((campaign) => (
                  <option key={campaign.campaign_id} value={campaign.campaign_id}>
                    {campaign.name}
                  </option>
                ))}
              </Select>
            </Field>
          )
        }
      </Read>
      {chosen && <Story campaignId={chosen} customer={customer} />}
    </Card>
  )
}

function Story({ campaignId, customer }: { campaignId: string; customer: Customer }) {
  const params = { path: { id: campaignId, customer_id: customer.customer_id } }
  const story = useApi('/api/campaigns/{id}/recipients/{customer_id}', { params })
  if (story.error instanceof ApiError && story.error.is('not-launched')) {
    return <p className="mt-3 text-muted">This campaign has not been launched.</p>
  }
  return (
    <div className="mt-4 flex flex-col gap-3">
      <Read query={story}>
        {(recipient) => (
          <>
            <p className="flex flex-wrap items-center gap-2">
              {recipient.message?.status ? (
                <MessageStatusBadge status={recipient.message.status} />
              ) : null}
              {sentence(recipient)}
            </p>
            <VerdictTree verdicts={recipient.rules} currency={customer.currency} />
            <p>
              <TextLink
                to={`/campaigns/${encodeURIComponent(campaignId)}/recipients/${encodeURIComponent(customer.customer_id)}`}
              >
                The full story
              </TextLink>
            </p>
          </>
        )}
      </Read>
    </div>
  )
}

function sentence(recipient: Schemas['Recipient']): string {
  if (!recipient.known) return 'The customer did not exist at the launch.'
  if (recipient.undetermined) {
    return 'It cannot be determined: an event of the customer was in quarantine at the launch.'
  }
  if (!recipient.matched) return 'The customer did not match the rules at the launch.'
  if (recipient.suppression) {
    return `The customer matched, but gets no message. ${suppressionSentence(recipient.suppression)}`
  }
  const status = recipient.message?.status
  return status
    ? `The customer matched the rules at the launch. ${MESSAGE_STATUS[status].explanation}`
    : 'The customer matched; the message is not planned yet.'
}
