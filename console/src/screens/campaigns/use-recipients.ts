/** Counts who of the audience gets the message, and who does not. */
import type { Schemas } from '@/api/client'
import type { DraftForm } from './content'
import { addresslessRules, unsubscribedRules, unwritable } from './recipients'
import { useAudience, usePreview } from './use-audience'
import { useMessagePreview } from './use-message-preview'

/** The message is written for as many customers as a preview can have. */
export const WRITTEN = 50
const NAMED = 3

export interface Reason {
  customers: Schemas['Customer'][]
  count: number
}

export function useRecipients(form: DraftForm) {
  const audience = useAudience(form)
  const text = audience.data?.text
  const unsubscribed = usePreview(text && unsubscribedRules(text), NAMED)
  const addressless = usePreview(text && addresslessRules(text), NAMED)
  const messages = useMessagePreview(form, WRITTEN)
  const queries = [audience, unsubscribed, addressless]
  const isKnown = queries.every((query) => query.data && !query.isPlaceholderData)
  const counts =
    isKnown && audience.data && unsubscribed.data && addressless.data
      ? {
          matching: audience.data.count,
          total: audience.data.total_customers,
          undetermined: audience.data.undetermined,
          unsubscribed: reasonOf(unsubscribed.data),
          addressless: reasonOf(addressless.data),
          reached: audience.data.count - unsubscribed.data.count - addressless.data.count,
        }
      : undefined
  return {
    counts,
    text,
    /** What keeps the message from being written, in a sample of the audience. */
    problems: unwritable(messages.data?.messages ?? []),
    written: messages.data?.messages ?? [],
    error: queries.find((query) => query.error)?.error ?? null,
    messageError: messages.error,
    refetch: () => {
      for (const query of queries) void query.refetch()
      void messages.refetch()
    },
  }
}

function reasonOf(preview: Schemas['Preview']): Reason {
  return { customers: preview.sample, count: preview.count }
}
