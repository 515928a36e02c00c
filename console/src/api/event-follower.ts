/**
 * Follows something that changes until it ends, through server-sent events
 * `progress` and `end`.
 *
 * When the stream breaks, the follower reads the value once, waits, and opens
 * the stream again, with growing waits. So the value stays current, only slower,
 * and `connection` says so. After `end` it stops for good.
 */

/**
 * `connecting`: nothing was received yet. `live`: the stream is open. `polling`:
 * the stream is broken, but reads succeed. `offline`: reads fail too. `ended`:
 * the value is final.
 */
export type Connection = 'connecting' | 'live' | 'polling' | 'offline' | 'ended'

export interface Followed<T> {
  value: T | null
  connection: Connection
  /** Error of the last read, while `offline`. */
  error: unknown
}

export interface Polled<T> {
  value: T
  ended: boolean
}

export interface FollowerOptions<T> {
  /** Path of the event stream. */
  url: string
  /** Parses the data of an event. */
  parse: (data: string) => T
  /** Reads the value without the stream. */
  poll: (signal: AbortSignal) => Promise<Polled<T>>
  onChange: (state: Followed<T>) => void
}

/** The part of `EventSource` that the follower uses. */
export interface EventStream {
  addEventListener(name: string, listener: (event: MessageEvent<string>) => void): void
  close(): void
}

/** The browser, as far as the follower needs it; tests bring their own. */
export interface FollowerHost {
  openStream: (url: string) => EventStream
  /** A number in [0, 1). */
  random: () => number
}

const BROWSER: FollowerHost = {
  openStream: (url) => new EventSource(url),
  random: () => Math.random(),
}

const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 10_000

export class EventFollower<T> {
  readonly #options: FollowerOptions<T>
  readonly #host: FollowerHost
  #state: Followed<T> = { value: null, connection: 'connecting', error: null }
  #stream: EventStream | null = null
  #timer: ReturnType<typeof setTimeout> | null = null
  #reading: AbortController | null = null
  #failures = 0

  constructor(options: FollowerOptions<T>, host: FollowerHost = BROWSER) {
    this.#options = options
    this.#host = host
  }

  /** Opens the stream, unless the value is final. */
  start(): void {
    if (this.#stream || this.#state.connection === 'ended') return
    const stream = this.#host.openStream(this.#options.url)
    this.#stream = stream
    // A listener of a stream that was closed since must not change anything.
    const listen = (name: string, react: (event: MessageEvent<string>) => void) => {
      stream.addEventListener(name, (event) => {
        if (this.#stream === stream) react(event)
      })
    }
    listen('open', () => this.#set({ connection: 'live', error: null }))
    listen('progress', (event) => this.#receive(event.data))
    listen('end', (event) => this.#end(this.#options.parse(event.data)))
    listen('error', () => this.#fallBack())
  }

  /** Closes the stream and stops reading. `start` continues. */
  stop(): void {
    this.#stream?.close()
    this.#stream = null
    this.#reading?.abort()
    this.#reading = null
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #receive(data: string): void {
    // Only an event proves that the stream works: one that opens and breaks at
    // once must still be opened less and less often.
    this.#failures = 0
    this.#set({ value: this.#options.parse(data), connection: 'live', error: null })
  }

  #end(value: T): void {
    this.stop()
    this.#set({ value, connection: 'ended', error: null })
  }

  #fallBack(): void {
    this.stop()
    const reading = new AbortController()
    this.#reading = reading
    this.#options
      .poll(reading.signal)
      .then(
        ({ value, ended }) => {
          if (reading.signal.aborted) return
          if (ended) this.#end(value)
          else this.#set({ value, connection: 'polling', error: null })
        },
        (error: unknown) => {
          if (!reading.signal.aborted) this.#set({ connection: 'offline', error })
        },
      )
      .finally(() => {
        if (!reading.signal.aborted) this.#reconnectLater()
      })
  }

  #reconnectLater(): void {
    const longest = Math.min(FIRST_WAIT_MS * 2 ** this.#failures, LONGEST_WAIT_MS)
    this.#failures += 1
    // Jitter, so that the pages of many people do not return together.
    const wait = longest * (0.5 + this.#host.random() / 2)
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.start()
    }, wait)
  }

  #set(change: Partial<Followed<T>>): void {
    this.#state = { ...this.#state, ...change }
    this.#options.onChange(this.#state)
  }
}
