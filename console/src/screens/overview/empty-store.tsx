import { useState } from 'react'
import { useApi } from '@/api/query'
import { IfMay } from '@/app/use-session'
import { ButtonLink } from '@/ui/button'
import { CodeBlock } from '@/ui/code'
import { OutLink, TextLink } from '@/ui/link'
import { Card } from '@/ui/page'
import { Read } from '@/ui/state'
import { firstCommands } from './commands'
import { DemoOffer } from './demo-shop'

/** What to do while there are no customers. */
export function EmptyStore() {
  const report = useApi('/api/reports/daily')
  const [now] = useState(() => new Date())
  return (
    <div className="flex flex-col gap-4">
      <IfMay ability="load the demo shop">
        <DemoOffer />
      </IfMay>
      <IfMay ability="import files">
        <Card title="Import a file">
          <p className="mb-3 max-w-prose">
            The export of a shop or of a mailing tool: customers, orders or activity.
          </p>
          <ButtonLink to="/imports" icon="upload">
            Import a file
          </ButtonLink>
        </Card>
      </IfMay>
      <Card title="Send your data">
        <p className="mb-3 max-w-prose">
          Send customers and orders from your shop’s systems.
          <IfMay ability="manage access">
            {' '}
            <TextLink to="/keys?dialog=new">Create a key</TextLink> with the role Ingest
            and set it as <code>PATRON_KEY</code> first.
          </IfMay>
        </p>
        <div className="flex flex-col gap-4">
          <Read query={report}>
            {({ currency }) =>
              firstCommands(window.location.origin, currency, now).map((command) => (
                <div key={command.id} className="flex flex-col gap-1">
                  <h3 className="font-medium">{command.title}</h3>
                  <CodeBlock label={command.title} text={command.text} />
                  <p className="text-sm text-muted">{command.hint}</p>
                </div>
              ))
            }
          </Read>
        </div>
        <p className="mt-4">
          <OutLink href="/docs">All operations of the API</OutLink>
        </p>
      </Card>
    </div>
  )
}
