import { CopyButton } from './copy'
import { cx } from './cx'

/** Text for a machine, ready to copy. */
export function CodeBlock({
  text,
  label,
  wrap = false,
  copy = true,
}: {
  text: string
  /** What it is, for readers. */
  label: string
  wrap?: boolean
  copy?: boolean
}) {
  return (
    <div className="relative min-w-0 rounded-md border border-line bg-sunken">
      <pre
        tabIndex={0}
        role="region"
        aria-label={label}
        className={cx(
          'overflow-x-auto p-3 font-mono text-sm focus-visible:-outline-offset-2',
          copy && 'pr-11 touch:pr-14',
          wrap && 'wrap-anywhere whitespace-pre-wrap',
        )}
      >
        {text}
      </pre>
      {copy && (
        <div className="absolute top-1.5 right-1.5 rounded-md bg-sunken">
          <CopyButton text={text} />
        </div>
      )}
    </div>
  )
}

/** An id, with a button that copies it. */
export function CopyableId({ id }: { id: string }) {
  return (
    <span className="inline-flex max-w-full items-center gap-1">
      <code className="truncate font-mono text-sm">{id}</code>
      <CopyButton text={id} label="Copy the id" />
    </span>
  )
}
