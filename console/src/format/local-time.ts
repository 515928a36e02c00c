/**
 * Conversion between instants and the text of `<input type="datetime-local">`, which is in
 * the viewer's time zone and has none of its own.
 */

/** An instant as `2026-11-29T14:05` in the viewer's time zone; `''` for none. */
export function toLocalInput(instant: string | null | undefined): string {
  if (!instant) return ''
  const time = new Date(instant)
  if (Number.isNaN(time.getTime())) return ''
  const two = (value: number) => String(value).padStart(2, '0')
  const year = String(time.getFullYear()).padStart(4, '0')
  return `${year}-${two(time.getMonth() + 1)}-${two(time.getDate())}T${two(time.getHours())}:${two(time.getMinutes())}`
}

/** The instant of a local time; `null` if the text is not one, or that time is skipped. */
export function fromLocalInput(text: string): string | null {
  const parts = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::\d\d)?$/.exec(text)
  if (!parts) return null
  const [year, month, day, hour, minute] = parts.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ]
  const time = new Date(year, month - 1, day, hour, minute)
  // A time that the clock skips becomes another one, and so does a day such as February 30.
  const isSame = isDay(time, year, month, day) && time.getHours() === hour
  return isSame && time.getMinutes() === minute ? time.toISOString() : null
}

function isDay(time: Date, year: number, month: number, day: number): boolean {
  return (
    time.getFullYear() === year && time.getMonth() === month - 1 && time.getDate() === day
  )
}

/** Today as `2026-11-29`, in the viewer's time zone, moved by a number of days. */
export function localDay(offset = 0, now = new Date()): string {
  const time = new Date(now.getFullYear(), now.getMonth(), now.getDate() + offset, 12)
  return toLocalInput(time.toISOString()).slice(0, 10)
}

/** The instant at which a local day begins; `null` if the text is not a day. */
export function startOfDay(day: string): string | null {
  return beginning(day, 0)
}

/** The instant at which the day after a local day begins; `null` if the text is not a day. */
export function endOfDay(day: string): string | null {
  return beginning(day, 1)
}

/** Where clocks change at midnight, a day begins at one o'clock. */
function beginning(text: string, offset: number): string | null {
  const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text)
  if (!parts) return null
  const [year, month, day] = parts.slice(1).map(Number) as [number, number, number]
  if (!isDay(new Date(year, month - 1, day), year, month, day)) return null
  return new Date(year, month - 1, day + offset).toISOString()
}
