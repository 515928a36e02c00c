import { useApi } from '@/api/query'
import { RuleSentence } from '@/screens/segments/rule-sentence'
import { TextLink } from '@/ui/link'
import { None } from '@/ui/page'
import type { Campaign } from './types'

/** Whom a campaign is for: its segment, and the rules as far as they are known. */
export function AudienceValue({ campaign }: { campaign: Campaign }) {
  const { segment_id: segment, text } = campaign
  return (
    <div className="flex flex-col gap-1">
      {segment && <SegmentLink id={segment} />}
      {text && <RuleSentence text={text} />}
      {!segment && !text && <None />}
    </div>
  )
}

function SegmentLink({ id }: { id: string }) {
  // Without an answer the link shows the id: it leads to the segment all the same.
  const segment = useApi(
    '/api/segments/{id}',
    { params: { path: { id } } },
    { staleTime: 60_000 },
  )
  return (
    <TextLink to={`/segments/${encodeURIComponent(id)}`}>
      {segment.data?.name ?? id}
    </TextLink>
  )
}
