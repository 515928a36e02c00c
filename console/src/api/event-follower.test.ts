import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import {
  EventFollower,
  type EventStream,
  type Followed,
  type Polled,
} from './event-follower'

class FakeStream implements EventStream {
  readonly listeners = new Map<string, (event: MessageEvent<string>) => void>()
  closed = false

  addEventListener(name: string, listener: (event: MessageEvent<string>) => void): void {
    this.listeners.set(name, listener)
  }

  close(): void {
    this.closed = true
  }

  emit(name: string, data = ''): void {
    this.listeners.get(name)?.({ data } as MessageEvent<string>)
  }
}

function setUp(poll: () => Promise<Polled<number>>) {
  const streams: FakeStream[] = []
  const states: Followed<number>[] = []
  const follower = new EventFollower<number>(
    { url: '/progress', parse: Number, poll, onChange: (state) => states.push(state) },
    {
      openStream: () => {
        const stream = new FakeStream()
        streams.push(stream)
        return stream
      },
      random: () => 0.999_999,
    },
  )
  const last = () => states.at(-1)
  const newest = () => streams[streams.length - 1] as FakeStream
  return { follower, streams, last, newest }
}

const unreachable = () => Promise.reject(new Error('unreachable'))

describe('EventFollower', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('reports every event and stops at the end', async () => {
    const { follower, streams, last, newest } = setUp(unreachable)
    follower.start()
    newest().emit('open')
    newest().emit('progress', '1')
    expect(last()).toEqual({ value: 1, connection: 'live', error: null })
    newest().emit('end', '2')
    expect(last()).toEqual({ value: 2, connection: 'ended', error: null })
    expect(newest().closed).toBe(true)
    follower.start()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(streams).toHaveLength(1)
  })

  it('reads the value while the stream is broken, and returns to the stream', async () => {
    const { follower, streams, last, newest } = setUp(() =>
      Promise.resolve({ value: 7, ended: false }),
    )
    follower.start()
    newest().emit('error')
    await vi.advanceTimersByTimeAsync(0)
    expect(last()).toEqual({ value: 7, connection: 'polling', error: null })
    await vi.advanceTimersByTimeAsync(1_000)
    expect(streams).toHaveLength(2)
    newest().emit('progress', '8')
    expect(last()?.connection).toBe('live')
  })

  it('waits longer after each failure, up to ten seconds', async () => {
    const { follower, streams, last, newest } = setUp(unreachable)
    follower.start()
    const waits: number[] = []
    for (let attempt = 0; attempt < 6; attempt += 1) {
      newest().emit('error')
      await vi.advanceTimersByTimeAsync(0)
      const before = streams.length
      let waited = 0
      while (streams.length === before) {
        await vi.advanceTimersByTimeAsync(500)
        waited += 500
      }
      waits.push(waited)
    }
    expect(last()?.connection).toBe('offline')
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
  })

  it('keeps the last value while it is offline', async () => {
    const { follower, last, newest } = setUp(unreachable)
    follower.start()
    newest().emit('progress', '3')
    newest().emit('error')
    await vi.advanceTimersByTimeAsync(0)
    expect(last()).toMatchObject({ value: 3, connection: 'offline' })
  })

  it('ends when a read says so', async () => {
    const { follower, streams, last, newest } = setUp(() =>
      Promise.resolve({ value: 9, ended: true }),
    )
    follower.start()
    newest().emit('error')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(last()).toEqual({ value: 9, connection: 'ended', error: null })
    expect(streams).toHaveLength(1)
  })

  it('does nothing after it was stopped, and continues after another start', async () => {
    const { follower, streams, last, newest } = setUp(unreachable)
    follower.start()
    newest().emit('progress', '1')
    newest().emit('error')
    follower.stop()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(streams).toHaveLength(1)
    expect(last()?.connection).toBe('live')
    follower.start()
    newest().emit('progress', '2')
    expect(last()?.value).toBe(2)
  })

  it('ignores events of a stream that was replaced', () => {
    const { follower, streams, last } = setUp(unreachable)
    follower.start()
    follower.stop()
    follower.start()
    streams[1]?.emit('progress', '2')
    streams[0]?.emit('progress', '1')
    expect(last()?.value).toBe(2)
  })
})
