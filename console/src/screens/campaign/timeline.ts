/**
 * A campaign's course over time, from the times of its messages.
 *
 * The number of messages has no bound, so messages are counted in bins of equal
 * width and then forgotten. When the bins would become too many, their width
 * doubles.
 */
import type { Message, Statistics } from './types'

const COURSES = ['accepted', 'delivered', 'failed', 'suppressed'] as const
export type Course = (typeof COURSES)[number]
export type Counts = Record<Course, number>

/** Counts since the launch, at ascending times in milliseconds since 1970. */
export interface Timeline {
  times: number[]
  counts: Record<Course, number[]>
}

const FIRST_WIDTH_MS = 500

export class TimeBins {
  readonly #most: number
  #width = FIRST_WIDTH_MS
  #bins = new Map<number, Counts>()
  #first = Infinity
  #last = -Infinity

  /** Creates bins, at most this many. */
  constructor(most = 240) {
    this.#most = most
  }

  /** Number of bins that are kept. */
  get size(): number {
    return this.#bins.size
  }

  add(message: Pick<Message, 'status' | 'sent_at' | 'ended_at'>): void {
    if (message.sent_at) this.#count('accepted', message.sent_at)
    const ending = endingOf(message.status)
    if (ending && message.ended_at) this.#count(ending, message.ended_at)
  }

  /**
   * Returns the sums up to the end of each bin, after zeros at `start`. The bins
   * of times before `start`, which clocks that differ can cause, count at `start`.
   */
  timeline(start: number): Timeline {
    const sum = zero()
    const timeline = empty()
    const indexes = [...this.#bins.keys()].sort((a, b) => a - b)
    const ends = indexes.map((index) => Math.max((index + 1) * this.#width, start))
    append(timeline, start, sum)
    indexes.forEach((index, at) => {
      const bin = this.#bins.get(index) ?? zero()
      for (const course of COURSES) sum[course] += bin[course]
      const end = ends[at] ?? start
      // A flat line since the last change, instead of a slope over a quiet time.
      const before = end - this.#width
      if (before > (timeline.times.at(-1) ?? 0))
        append(timeline, before, lastOf(timeline))
      append(timeline, end, sum)
    })
    return timeline
  }

  #count(course: Course, time: string): void {
    const millis = Date.parse(time)
    if (Number.isNaN(millis)) return
    let index = Math.floor(millis / this.#width)
    while (Math.max(this.#last, index) - Math.min(this.#first, index) >= this.#most) {
      this.#widen()
      index = Math.floor(millis / this.#width)
    }
    this.#first = Math.min(this.#first, index)
    this.#last = Math.max(this.#last, index)
    const bin = this.#bins.get(index) ?? zero()
    bin[course] += 1
    this.#bins.set(index, bin)
  }

  #widen(): void {
    const wider = new Map<number, Counts>()
    for (const [index, bin] of this.#bins) {
      const half = Math.floor(index / 2)
      const target = wider.get(half) ?? zero()
      for (const course of COURSES) target[course] += bin[course]
      wider.set(half, target)
    }
    this.#bins = wider
    this.#width *= 2
    this.#first = Math.floor(this.#first / 2)
    this.#last = Math.floor(this.#last / 2)
  }
}

/** Counts as they were at moments while the page was open. */
export class LiveCounts {
  readonly #most: number
  #points: { at: number; counts: Counts }[] = []

  /** Keeps at most this many moments. */
  constructor(most = 240) {
    this.#most = most
  }

  get size(): number {
    return this.#points.length
  }

  add(at: number, statistics: Statistics): void {
    const last = this.#points.at(-1)
    if (last && at <= last.at) return
    this.#points.push({ at, counts: countsOf(statistics) })
    if (this.#points.length > this.#most) {
      // Every second one is left out, but never the newest.
      const newest = this.#points.length - 1
      this.#points = this.#points.filter((_, index) => (newest - index) % 2 === 0)
    }
  }

  /**
   * Returns the timeline with the moments after its end and after `read`, when its
   * messages were read: what they say about an earlier moment is more exact.
   */
  continue(timeline: Timeline, read: number): Timeline {
    const end = Math.max(timeline.times.at(-1) ?? -Infinity, read)
    const continued: Timeline = {
      times: [...timeline.times],
      counts: {
        accepted: [...timeline.counts.accepted],
        delivered: [...timeline.counts.delivered],
        failed: [...timeline.counts.failed],
        suppressed: [...timeline.counts.suppressed],
      },
    }
    for (const point of this.#points) {
      if (point.at > end) append(continued, point.at, point.counts)
    }
    return continued
  }
}

/** The counts of the statistics that correspond to the courses. */
function countsOf(statistics: Statistics): Counts {
  return {
    // The statistics count a message that the vendor could not deliver as failed
    // only; the chart shows when the vendor accepted it, too.
    accepted:
      statistics.sent +
      statistics.failed -
      statistics.rejected -
      statistics.undeliverable,
    delivered: statistics.delivered,
    failed: statistics.failed,
    suppressed: statistics.suppressed,
  }
}

function endingOf(status: Message['status']): Course | null {
  switch (status) {
    case 'delivered':
      return 'delivered'
    case 'failed':
    case 'bounced':
    case 'rejected':
    case 'undeliverable':
      return 'failed'
    case 'suppressed':
      return 'suppressed'
    default:
      return null
  }
}

function zero(): Counts {
  return { accepted: 0, delivered: 0, failed: 0, suppressed: 0 }
}

function empty(): Timeline {
  return {
    times: [],
    counts: { accepted: [], delivered: [], failed: [], suppressed: [] },
  }
}

function lastOf(timeline: Timeline): Counts {
  const last = zero()
  for (const course of COURSES) last[course] = timeline.counts[course].at(-1) ?? 0
  return last
}

/** Appends a point, or replaces the last one of the same time. */
function append(timeline: Timeline, at: number, counts: Counts): void {
  const isNew = at > (timeline.times.at(-1) ?? -Infinity)
  const index = isNew ? timeline.times.length : timeline.times.length - 1
  if (isNew) timeline.times.push(at)
  for (const course of COURSES) timeline.counts[course][index] = counts[course]
}
