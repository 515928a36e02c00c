/** When a campaign starts and how long it takes. Pure: the clock comes from outside. */
import type { Schemas } from '@/api/client'

/** Milliseconds that a number of messages takes at a rate. */
export function sendingTime(messages: number, perSecond: number): number {
  // The first one leaves at once.
  return (Math.max(0, messages - 1) / perSecond) * 1000
}

const WEEKDAYS: Schemas['Weekday'][] = [
  'sunday',
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
]

/** The next such hour on such a day, in the local time zone, at least an hour from now. */
export function nextOccurrence(
  weekday: Schemas['Weekday'],
  hour: number,
  now: Date = new Date(),
): string {
  const days = (WEEKDAYS.indexOf(weekday) - now.getDay() + 7) % 7
  const soon = now.getTime() + 3_600_000
  const on = (inDays: number) =>
    new Date(now.getFullYear(), now.getMonth(), now.getDate() + inDays, hour)
  const first = on(days)
  return (first.getTime() >= soon ? first : on(days + 7)).toISOString()
}

/** Returns true if the time is over, so that a launch for it would be refused. */
export function hasPassed(instant: string, now: number = Date.now()): boolean {
  return Date.parse(instant) <= now
}
