/** What somebody should know about a campaign before reading its figures. */
import { count } from '@/format'
import { Notice } from '@/ui/notice'
import { Time } from '@/ui/time'
import type { Campaign } from './types'
import { waitingWords } from './waiting'

export function Notices({ campaign }: { campaign: Campaign }) {
  const { waiting_for: waiting, quarantined, size, statistics } = campaign
  const undetermined = size?.undetermined ?? 0
  return (
    <div className="flex flex-col gap-2 not-empty:mb-4">
      {waiting && <WaitingNotice waiting={waiting} />}
      {campaign.status === 'missed' && (
        <Notice title="The campaign was not launched at its time">
          No worker ran then. Launch it now, or cancel it.
        </Notice>
      )}
      {quarantined && (
        <Notice title="An event of this campaign is in quarantine">
          The campaign is shown without the event at {quarantined.position} and all later
          ones: {quarantined.reason}. An operator can resolve it.
        </Notice>
      )}
      {statistics.incomplete && (
        <Notice title="The counts are incomplete">
          They leave out an event that is in quarantine. An operator can resolve it.
        </Notice>
      )}
      {undetermined > 0 && (
        <Notice title={`${count(undetermined, 'customer')} cannot be evaluated`}>
          An event of each is in quarantine, so it is unknown whether they match. They get
          no message until an operator resolves it.
        </Notice>
      )}
    </div>
  )
}

function WaitingNotice({ waiting }: { waiting: NonNullable<Campaign['waiting_for']> }) {
  const words = waitingWords(waiting.reason)
  return (
    <Notice title={words.title}>
      <p>
        Since <Time at={waiting.since} precise />: {waiting.detail}.
      </p>
      <p>{words.explanation}</p>
    </Notice>
  )
}
