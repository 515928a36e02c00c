/** Help in plain words: a summary of the results, and tags for the campaign. */
import { useQuery } from '@tanstack/react-query'
import { api, call } from '@/api/client'
import { money, number, percent } from '@/format'
import { Tag } from '@/ui/badge'
import { Button } from '@/ui/button'
import { CopyButton } from '@/ui/copy'
import { Card } from '@/ui/page'
import { Problem } from '@/ui/problem'
import { bracketLabel } from './brackets'
import type { Campaign, CampaignSummary, CampaignTags } from './types'

export function AssistanceCard({ campaign }: { campaign: Campaign }) {
  const id = campaign.campaign_id
  const summary = useHelp<CampaignSummary>('summary', id)
  const tags = useHelp<CampaignTags>('tags', id)
  return (
    <Card
      title="In plain words"
      actions={
        <>
          <Button
            small
            icon="spark"
            busy={summary.isFetching}
            onClick={() => void summary.refetch()}
          >
            {summary.data ? 'Summarize again' : 'Summarize'}
          </Button>
          <Button small busy={tags.isFetching} onClick={() => void tags.refetch()}>
            Suggest tags
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-3" aria-live="polite">
        {!summary.data && !tags.data && !summary.error && !tags.error && (
          <p className="text-muted">
            A summary of the results in a sentence or two, and tags that fit the message.
          </p>
        )}
        {summary.error && <Problem error={summary.error} />}
        {summary.data && <Summary summary={summary.data} />}
        {tags.error && <Problem error={tags.error} />}
        {tags.data && <SuggestedTags tags={tags.data} />}
      </div>
    </Card>
  )
}

function Summary({ summary }: { summary: CampaignSummary }) {
  const { figures } = summary
  return (
    <div className="flex flex-col gap-2">
      <div className="flex items-start gap-2">
        <p className="grow text-lg">{summary.summary}</p>
        <CopyButton text={summary.summary} label="Copy the summary" />
      </div>
      {figures.brackets.length > 0 && (
        <table className="w-full text-sm">
          <caption className="sr-only">Delivery by what customers have spent</caption>
          <thead>
            <tr className="text-muted">
              <th scope="col" className="py-1 text-left font-medium">
                Customers who spent
              </th>
              <th scope="col" className="py-1 text-right font-medium">
                Reached
              </th>
              <th scope="col" className="py-1 text-right font-medium">
                Delivered
              </th>
            </tr>
          </thead>
          <tbody>
            {figures.brackets.map((bracket) => {
              const label = bracketLabel(bracket, (minor) =>
                money(minor, figures.currency),
              )
              return (
                <tr key={label} className="border-t border-line">
                  <th scope="row" className="py-1 text-left font-normal">
                    {label}
                  </th>
                  <td className="py-1 text-right">{number(bracket.reached)}</td>
                  <td className="py-1 text-right">
                    {number(bracket.delivered)} (
                    {percent(bracket.delivered, bracket.reached)})
                  </td>
                </tr>
              )
            })}
          </tbody>
        </table>
      )}
      <AnsweredBy answer={summary} />
    </div>
  )
}

function SuggestedTags({ tags }: { tags: CampaignTags }) {
  return (
    <div className="flex flex-col gap-2">
      <p className="flex flex-wrap items-center gap-1.5">
        <span className="text-muted">Suggested tags:</span>
        {tags.tags.length === 0
          ? 'none fits'
          : tags.tags.map((tag) => <Tag key={tag}>{tag}</Tag>)}
      </p>
      <p className="text-sm text-muted">
        Nothing was saved. The tags of a campaign can be changed while it is a draft.
      </p>
      <AnsweredBy answer={tags} />
    </div>
  )
}

function AnsweredBy({ answer }: { answer: CampaignSummary | CampaignTags }) {
  const engine =
    answer.engine === 'builtin' ? 'Patron itself' : (answer.model ?? 'a language model')
  return (
    <p className="text-sm text-muted">
      Answered by {engine}
      {answer.fallback && `, because ${answer.fallback}`}.
    </p>
  )
}

/** Help on request; the answer stays until there is another one. */
function useHelp<Answer>(kind: 'summary' | 'tags', id: string) {
  return useQuery<Answer, Error>({
    queryKey: [`/api/ai/campaigns/{id}/${kind}`, { path: { id } }],
    queryFn: ({ signal }) => {
      const init = { params: { path: { id } }, signal }
      const answer =
        kind === 'summary'
          ? call(api.POST('/api/ai/campaigns/{id}/summary', init))
          : call(api.POST('/api/ai/campaigns/{id}/tags', init))
      return answer as Promise<Answer>
    },
    enabled: false,
    retry: false,
    staleTime: Infinity,
  })
}
