/** Who of an audience gets the message, and why others do not. Pure. */
import type { Schemas } from '@/api/client'

/** Rules of the customers of an audience who have opted out. */
export function unsubscribedRules(audience: string): string {
  return `(${audience}) AND unsubscribed = true`
}

/** Rules of the others who have no address: a message needs an email address or a phone. */
export function addresslessRules(audience: string): string {
  return `(${audience}) AND unsubscribed = false AND email null AND phone null`
}

/** Customers of a sample for whom the message cannot be written, by what is missing. */
export function unwritable(
  messages: readonly Schemas['RenderedMessage'][],
): { problem: string; customers: Schemas['RenderedMessage'][] }[] {
  const byProblem = new Map<string, Schemas['RenderedMessage'][]>()
  for (const message of messages) {
    if (!message.problem) continue
    byProblem.set(message.problem, [...(byProblem.get(message.problem) ?? []), message])
  }
  return [...byProblem].map(([problem, customers]) => ({ problem, customers }))
}

/** Names of some customers and the number of the others: `Bob, Cy and 12 more`. */
export function someOf(names: readonly string[], total: number): string {
  const rest = total - names.length
  if (rest > 0) return `${names.join(', ')} and ${rest.toLocaleString('en-US')} more`
  if (names.length < 2) return names.join('')
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}
