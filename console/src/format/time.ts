import { once } from './once'

const full = once(
  () =>
    new Intl.DateTimeFormat(undefined, {
      year: 'numeric',
      month: 'short',
      day: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
    }),
)
const precise = once(
  () =>
    new Intl.DateTimeFormat(undefined, {
      year: 'numeric',
      month: 'short',
      day: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    }),
)
const preciseHour = once(
  () =>
    new Intl.DateTimeFormat(undefined, {
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    }),
)
const day = once(
  () =>
    new Intl.DateTimeFormat(undefined, {
      year: 'numeric',
      month: 'short',
      day: 'numeric',
    }),
)
const relative = once(() => new Intl.RelativeTimeFormat('en-US', { numeric: 'auto' }))

/** An instant in the viewer's time zone, to the minute. */
export function dateTime(instant: string): string {
  return full().format(new Date(instant))
}

/** An instant in the viewer's time zone, to the second. */
export function preciseTime(instant: string): string {
  return precise().format(new Date(instant))
}

/** The time of the day of an instant in the viewer's time zone, to the second. */
export function preciseTimeOfDay(instant: string): string {
  return preciseHour().format(new Date(instant))
}

/** The day of an instant in the viewer's time zone. */
export function date(instant: string): string {
  return day().format(new Date(instant))
}

/** A calendar day `2026-11-29` as the viewer writes it. It has no time zone. */
export function calendarDay(text: string): string {
  return new Intl.DateTimeFormat(undefined, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    timeZone: 'UTC',
  }).format(new Date(`${text}T00:00:00Z`))
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['week', 7 * 86_400],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]

/** `5 minutes ago`, `in 2 hours`, `just now`. */
export function relativeTime(instant: string, now = Date.now()): string {
  const seconds = (new Date(instant).getTime() - now) / 1000
  for (const [unit, size] of STEPS) {
    if (Math.abs(seconds) >= size)
      return relative().format(Math.trunc(seconds / size), unit)
  }
  return Math.abs(seconds) < 10
    ? 'just now'
    : relative().format(Math.trunc(seconds), 'second')
}

/** Milliseconds as `350 ms`, `2.4 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`
  const seconds = milliseconds / 1000
  if (seconds < 60)
    return `${seconds.toLocaleString('en-US', { maximumFractionDigits: 1 })} s`
  const whole = Math.round(seconds)
  if (whole < 3600) return pair(Math.floor(whole / 60), 'min', whole % 60, 's')
  if (whole < 86_400) {
    return pair(Math.floor(whole / 3600), 'h', Math.floor((whole % 3600) / 60), 'min')
  }
  return pair(Math.floor(whole / 86_400), 'd', Math.floor((whole % 86_400) / 3600), 'h')
}

function pair(
  large: number,
  largeUnit: string,
  small: number,
  smallUnit: string,
): string {
  return small ? `${large} ${largeUnit} ${small} ${smallUnit}` : `${large} ${largeUnit}`
}

/** Name of the viewer's time zone, such as `Europe/Berlin`. */
export function viewerTimeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone
}
