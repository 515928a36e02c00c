import { useParams } from 'react-router'
import { pathOf } from '@/api/curl'
import { useApi } from '@/api/query'
import { words } from '@/format'
import { ButtonLink } from '@/ui/button'
import { CodeBlock, CopyableId } from '@/ui/code'
import { CopyCurl } from '@/ui/copy'
import { TextLink } from '@/ui/link'
import { Card, Definitions, None, PageHeader } from '@/ui/page'
import { Read } from '@/ui/state'
import { Time } from '@/ui/time'
import { screenOf } from './filters'
import { HistoryLink } from './history-link'
import { useActorNames } from './use-names'

/** Metadata of an event, as the log stores it. */
interface Metadata {
  at?: string
  actor?: string
  request_id?: string
  ip?: string
}

export function Component() {
  const { position = '' } = useParams()
  const entry = useApi('/api/audit/{position}', { params: { path: { position } } })
  const nameOf = useActorNames()
  return (
    <>
      <PageHeader
        title={
          entry.data ? words(entry.data.type.replace(/\.\d+$/, '')) : `Event ${position}`
        }
        breadcrumbs={[{ label: 'Audit', to: '/audit' }]}
        description={<CopyableId id={position} />}
        actions={<CopyCurl path={`/api/audit/${encodeURIComponent(position)}`} />}
      />
      <Read query={entry} back={{ label: 'The audit trail', to: '/audit' }} lines={8}>
        {(data) => {
          const { at, actor, request_id, ip } = data.metadata as Metadata
          const screen = screenOf(data.aggregate)
          const partition = position.split(':')[0]
          return (
            <div className="flex flex-col gap-4">
              <Card
                title="Event"
                actions={
                  <>
                    {screen && <ButtonLink to={screen.to}>{screen.label}</ButtonLink>}
                    <HistoryLink
                      filter={{ aggregate: data.aggregate }}
                      label="History of this"
                    />
                  </>
                }
              >
                <Definitions
                  wide
                  items={[
                    {
                      term: 'Type',
                      value: <code className="font-mono text-sm">{data.type}</code>,
                    },
                    {
                      term: 'Aggregate',
                      value: <code className="font-mono text-sm">{data.aggregate}</code>,
                    },
                    {
                      term: 'Version',
                      value: data.version || <None text="plain record" />,
                    },
                    { term: 'Recorded', value: <Time at={at} precise /> },
                    {
                      term: 'Actor',
                      value: actor && (
                        <TextLink to={pathOf('/audit', { actor })} title={actor}>
                          {nameOf(actor)}
                        </TextLink>
                      ),
                    },
                    {
                      term: 'Request',
                      value: request_id && (
                        <TextLink to={pathOf('/audit', { request_id })}>
                          {request_id}
                        </TextLink>
                      ),
                    },
                    { term: 'Address', value: ip },
                    {
                      term: 'Previous event',
                      value: data.previous ? (
                        <TextLink
                          to={`/audit/${encodeURIComponent(`${partition}:${data.previous}`)}`}
                        >
                          {partition}:{data.previous}
                        </TextLink>
                      ) : (
                        <None text="the first of its aggregate" />
                      ),
                    },
                  ]}
                />
              </Card>
              <Card title="Data">
                <CodeBlock
                  label="Data of the event"
                  text={JSON.stringify(data.data, null, 2)}
                />
              </Card>
              <Card title="Raw entry">
                <CodeBlock label="Raw entry" text={JSON.stringify(data, null, 2)} />
              </Card>
            </div>
          )
        }}
      </Read>
    </>
  )
}
