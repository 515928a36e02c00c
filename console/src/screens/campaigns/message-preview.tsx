import { useState } from 'react'
import type { Schemas } from '@/api/client'
import type { FieldError } from '@/api/error'
import { fieldErrors, isWithin } from '@/ui/form'
import { suppressionExplanation, suppressionText } from '@/format'
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

const SAMPLE = 20
const FEW = 4

/** The message as some customers of the audience would get it. */
export function MessagePreview({ form }: { form: DraftForm }) {
  const [showsAll, setShowAll] = useState(false)
  const preview = useMessagePreview(form, SAMPLE)
  const messages = [...(preview.data?.messages ?? [])].sort(receiversFirst)
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
        <Refused errors={fieldErrors(preview.error)} />
      ) : preview.error ? (
        <Problem error={preview.error} onRetry={() => void preview.refetch()} />
      ) : !preview.data ? (
        <Loading lines={6} />
      ) : messages.length === 0 ? (
        <p className="text-muted">Nobody is in the audience now.</p>
      ) : (
        <div className="flex flex-col gap-4" aria-busy={preview.isBehind}>
          <ul className="flex flex-col gap-4">
            {messages.slice(0, showsAll ? SAMPLE : FEW).map((message) => (
              <li key={message.customer_id}>
                <PreviewedMessage message={message} />
              </li>
            ))}
          </ul>
          {messages.length > FEW && (
            <div>
              <Button small onClick={() => setShowAll(!showsAll)}>
                {showsAll ? 'Show fewer' : `Show ${messages.length} customers`}
              </Button>
            </div>
          )}
        </div>
      )}
    </Card>
  )
}

/** The message's own errors stand beside its text. */
function Refused({ errors }: { errors: FieldError[] }) {
  const others = errors.filter((error) => !isWithin(error.pointer, '/message'))
  return (
    <div className="flex flex-col gap-1">
      <p className="text-muted">
        {others.length > 0
          ? 'The audience has to be corrected first.'
          : 'Correct the text to see what your customers would get.'}
      </p>
      {others.map((error) => (
        <p key={error.pointer + error.detail} className="text-bad wrap-anywhere">
          {error.detail}
        </p>
      ))}
    </div>
  )
}

/** A message that is sent shows more than one that is not. */
function receiversFirst(
  a: Schemas['RenderedMessage'],
  b: Schemas['RenderedMessage'],
): number {
  return Number(Boolean(a.suppression)) - Number(Boolean(b.suppression))
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
          <Badge
            color="warn"
            title={suppressionExplanation(message.suppression) ?? undefined}
          >
            {suppressionText(message.suppression)}: gets nothing
          </Badge>
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
