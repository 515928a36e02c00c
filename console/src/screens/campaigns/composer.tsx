/** The composer of a campaign: audience, message, delivery, review. */
import { useParams } from 'react-router'
import { useApi } from '@/api/query'
import { ButtonLink } from '@/ui/button'
import { PageHeader } from '@/ui/page'
import { EmptyState, Read } from '@/ui/state'
import { isDraft } from './draft-actions'
import { DraftComposer } from './draft-composer'
import { NewComposer } from './new-composer'

export function Component() {
  const { id } = useParams()
  return id ? <ExistingDraft key={id} id={id} /> : <NewComposer />
}

function ExistingDraft({ id }: { id: string }) {
  const campaign = useApi('/api/campaigns/{id}', { params: { path: { id } } })
  return (
    <Read query={campaign} back={{ label: 'To the campaigns', to: '/campaigns' }}>
      {(found) =>
        isDraft(found) ? (
          <DraftComposer campaign={found} />
        ) : (
          <>
            <PageHeader
              title={found.name}
              breadcrumbs={[{ label: 'Campaigns', to: '/campaigns' }]}
            />
            <EmptyState
              icon="campaigns"
              title="This campaign is no longer a draft"
              actions={
                <ButtonLink to={`/campaigns/${encodeURIComponent(id)}`} kind="primary">
                  Show the campaign
                </ButtonLink>
              }
            >
              Once launched or scheduled, its content is fixed. Clone it to write another
              one like it.
            </EmptyState>
          </>
        )
      }
    </Read>
  )
}
