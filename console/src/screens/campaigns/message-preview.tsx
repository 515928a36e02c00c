import { useState } from 'react'
import type { Schemas } from '@/api/client'
import { fieldErrors } from '@/ui/form'
import { suppressionText } from '@/format'
import { Badge } from '@/ui/badge'
import { Button } from '@/ui/button'
import { CopyCurl } from '@/ui/copy'
import { cx } from '@/ui/cx'
import { TextLink } from '@/ui/link'
import { Card } from '@/ui/page'
import { Problem } from '@/ui/problem'
import { Loading } from '@/ui/state'
import { audienceOf, type DraftForm } from './content'
import { useMessagePreview } from './use-message-preview'

const FEW = 4
const MANY = 20

/** The message as some customers of the audience would get it. */
export function MessagePreview({ form }: { form: DraftForm }) {
  const [sample, setSample] = useState(FEW)
  const preview = useMessagePreview(form, sample)
  const messages = preview.data?.messages ?? []
  const isRefused = preview.error !== null && fieldErrors(preview.error).length > 0
  return (
    <Card
      title="Preview with your customers"
      actions={
        <>
          <span role="status" className="text-sm text-muted">
            {preview.isBehind && audienceOf(form) ? 'Updating…' : ''}
          </span>
          <CopyCurl method="POST" path="/api/campaigns/preview" body={preview.body} />
        </>
      }
    >
      {!audienceOf(form) ? (
        <p className="text-muted">Choose the audience first.</p>
      ) : isRefused ? (
        <ul className="flex flex-col gap-1 text-bad" role="alert">
          {fieldErrors(preview.error).map((fault) => (
            <li key={fault.pointer + fault.detail} className="wrap-anywhere">
              {fault.detail}
            </li>
          ))}
        </ul>
      ) : preview.error ? (
        <Problem error={preview.error} onRetry={() => void preview.refetch()} />
      ) : !preview.data ? (
        <Loading lines={6} />
      ) : messages.length === 0 ? (
        <p className="text-muted">Nobody is in the audience now.</p>
      ) : (
        <div
          className={cx('flex flex-col gap-4', preview.isBehind && 'opacity-60')}
          aria-busy={preview.isBehind}
        >
          <ul className="flex flex-col gap-4">
            {messages.map((message) => (
              <li key={message.customer_id}>
                <PreviewedMessage message={message} />
              </li>
            ))}
          </ul>
          {messages.length >= FEW && (
            <div>
              <Button small onClick={() => setSample(sample === FEW ? MANY : FEW)}>
                {sample === FEW ? `Show ${MANY} customers` : 'Show fewer'}
              </Button>
            </div>
          )}
        </div>
      )}
    </Card>
  )
}

export function PreviewedMessage({ message }: { message: Schemas['RenderedMessage'] }) {
  return (
    <article className="flex flex-col gap-1.5">
      <header className="flex flex-wrap items-center gap-x-2 gap-y-0.5 text-sm">
        <TextLink to={`/customers/${encodeURIComponent(message.customer_id)}`}>
          {message.name ?? message.customer_id}
        </TextLink>
        {message.to && <span className="text-muted wrap-anywhere">{message.to}</span>}
        {message.suppression && (
          <Badge color="warn">{suppressionText(message.suppression)}: gets nothing</Badge>
        )}
      </header>
      {message.problem ? (
        <p className="rounded-md border border-warn/40 bg-warn-soft px-3 py-2 wrap-anywhere">
          {message.problem}. Give the field a default, such as{' '}
          <code className="font-mono text-sm">{'{{ name | default("there") }}'}</code>.
        </p>
      ) : (
        <p
          className={cx(
            'w-fit max-w-full rounded-lg rounded-tl-none border border-line bg-sunken px-3 py-2 wrap-anywhere whitespace-pre-wrap',
            message.suppression && 'text-muted line-through',
          )}
        >
          {message.text}
        </p>
      )}
    </article>
  )
}
