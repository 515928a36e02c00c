/**
 * Rates from successive reads of counters. The samples live as long as the page: going to
 * another screen and back keeps them.
 */
export interface Sample {
  /** Milliseconds since 1970. */
  at: number
  /** Events in the log. */
  appended: number
  /** Events that the slowest view has folded. */
  folded: number
}

export interface Rates {
  times: string[]
  appended: (number | null)[]
  folded: (number | null)[]
}

const KEPT = 15 * 60_000
/** Between samples further apart than this the page was hidden: there is no rate. */
const GAP = 30_000

/** Adds a sample and drops those that are older than 15 minutes. */
export function addSample(samples: readonly Sample[], sample: Sample): Sample[] {
  const last = samples.at(-1)
  if (last && sample.at <= last.at) return [...samples]
  return [...samples.filter((one) => sample.at - one.at <= KEPT), sample]
}

/** Events per second between each sample and the one before. */
export function rates(samples: readonly Sample[]): Rates {
  const result: Rates = { times: [], appended: [], folded: [] }
  samples.forEach((sample, index) => {
    const before = samples[index - 1]
    if (!before) return
    const seconds = (sample.at - before.at) / 1000
    const known = sample.at - before.at <= GAP
    const rate = (now: number, then: number) =>
      known ? Math.max(0, (now - then) / seconds) : null
    result.times.push(new Date(sample.at).toISOString())
    result.appended.push(rate(sample.appended, before.appended))
    result.folded.push(rate(sample.folded, before.folded))
  })
  return result
}
