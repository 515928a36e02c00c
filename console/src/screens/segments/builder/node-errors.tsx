import { useBuilder } from './context'

/** The API's own words about a node. */
export function NodeErrors({ id, pointer }: { id: string; pointer: string }) {
  const { errors } = useBuilder()
  const messages = errors.byPointer.get(pointer) ?? []
  return (
    <div id={id} aria-live="polite">
      {messages.map((message) => (
        <p key={message} className="mt-1.5 text-sm text-bad">
          {message}
        </p>
      ))}
    </div>
  )
}
