import { useEffect, useState } from 'react'
import {
  date,
  dateTime,
  preciseTime,
  preciseTimeOfDay,
  relativeTime,
  viewerTimeZone,
} from '@/format'
import { None } from './page'

/** The day of a time above its hour, minute and second, for a narrow column. */
export function StackedTime({ at }: { at: string }) {
  return (
    <time dateTime={at} title={at} className="inline-flex flex-col leading-4.5">
      <span className="whitespace-nowrap">{date(at)}</span>
      <span className="text-sm whitespace-nowrap text-muted">{preciseTimeOfDay(at)}</span>
    </time>
  )
}

/** A time in the viewer's zone; the instant is shown on hover. */
export function Time({
  at,
  relative = false,
  precise = false,
  zone = false,
}: {
  at: string | null | undefined
  /** `5 minutes ago` instead of the time. */
  relative?: boolean
  /** With seconds. */
  precise?: boolean
  /** With the name of the time zone, for a time that somebody plans with. */
  zone?: boolean
}) {
  const [, tick] = useState(0)
  useEffect(() => {
    if (!relative) return
    const timer = setInterval(() => tick((n) => n + 1), 15_000)
    return () => clearInterval(timer)
  }, [relative])
  if (!at) return <None />
  const text = relative ? relativeTime(at) : precise ? preciseTime(at) : dateTime(at)
  const title = relative ? `${preciseTime(at)} (${at})` : at
  return (
    <time dateTime={at} title={title} className={zone ? undefined : 'whitespace-nowrap'}>
      {text}
      {zone && ` (${viewerTimeZone()})`}
    </time>
  )
}
