/** All streams of a process, opened: its positions are read from the database, but it is not connected to any other yet. */

import type { Db } from '../storage/db.ts'
import { makeCacheInvalidation } from './cache-invalidation.ts'
import { type StreamName, streamNames, streams, writersOf } from './definitions.ts'
import { loadInstanceIds } from './instance-ids.ts'
import { type LiveStream, type Outlet, openLiveStream } from './live-stream.ts'
import type { CacheInvalidation, LiveStreams } from './live-streams.ts'
import { covers, type Positions, streamsOfToken, tokenOfStreams } from './stream-token.ts'
import type { StreamToken } from './tokens.ts'
import type { Fetch } from './updates.ts'

export interface LiveStreamsOptions {
  readonly db: Db
  /** This process: `master`, or the worker's name. */
  readonly instance: string
  readonly streamWriters: Parameters<typeof writersOf>[1]
  /** Rows of a stream that this process missed. */
  readonly fetch: (name: StreamName) => Fetch
  readonly onProblem: (problem: string, error?: unknown) => void
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/** The streams, and what replication needs of them besides. */
export interface OpenStreams extends LiveStreams {
  readonly caches: CacheInvalidation
  readonly all: ReadonlyMap<StreamName, LiveStream>
  /** Those that this process must follow: clients' tokens name them, or somebody listens. */
  readonly followed: () => readonly LiveStream[]
  /** Of the streams that this process writes: how far one must read to see all that it wrote. */
  readonly ownPositions: () => Readonly<Record<string, number>>
  /** From now on rows are announced there. */
  readonly attach: (outlet: Outlet) => void
  /** Settles when positions are saved. */
  readonly saved: () => Promise<void>
}

export async function makeLiveStreams(options: LiveStreamsOptions): Promise<OpenStreams> {
  const { db, instance, streamWriters, fetch, onProblem } = options
  let outlet: Outlet | undefined
  const advanceListeners: ((name: StreamName) => void)[] = []
  const reaching = new Set<{ readonly token: StreamToken; readonly settle: (reached: boolean) => void }>()
  let token: StreamToken | undefined

  const moved = (name: StreamName) => {
    if (streamsOfToken.has(name)) {
      token = undefined
      for (const waiter of reaching) if (covers(now(), waiter.token)) waiter.settle(true)
    }
    for (const listener of advanceListeners) {
      try {
        listener(name)
      } catch (error) {
        onProblem(`${name}: who waits for it failed`, error)
      }
    }
  }

  const open = (name: StreamName) =>
    openLiveStream({
      name,
      db,
      instance,
      streamWriters,
      fetch: fetch(name),
      outlet: () => outlet,
      onMoved: () => moved(name),
      onProblem,
      now: options.now ?? Date.now,
    })
  const several = streamNames.filter((name) => streams[name].severalWriters)
  const [instances, opened] = await Promise.all([
    loadInstanceIds(db, options.now),
    Promise.all(streamNames.map(async (name) => [name, await open(name)] as const)),
  ])
  await instances.ensure([...new Set(several.flatMap((name) => writersOf(streams[name], streamWriters)))])
  const all = new Map<StreamName, LiveStream>(opened as (readonly [StreamName, LiveStream])[])
  const get = <Name extends StreamName>(name: Name) => all.get(name) as unknown as LiveStream<Name>
  const current: Positions = (name) => get(name).token()
  const now = () => {
    token ??= tokenOfStreams(current)
    return token
  }

  const live: LiveStreams = {
    instance,
    instances,
    writersOf: (name) => get(name).writers,
    writes: (name) => get(name).isWriter,
    now,
    current,
    reach: (wanted, timeoutMs) => {
      if (covers(now(), wanted)) return Promise.resolve(true)
      return new Promise((resolve) => {
        const waiter = {
          token: wanted,
          settle(reached: boolean) {
            clearTimeout(timer)
            reaching.delete(waiter)
            resolve(reached)
          },
        }
        const timer = setTimeout(waiter.settle, timeoutMs, false)
        reaching.add(waiter)
      })
    },
    follow: (name, listener) => get(name).listen(listener),
    onReset: (name, listener) => get(name).listenToResets(listener),
    onAdvance: (listener) => void advanceListeners.push(listener),
    write: (name, count, work) => get(name).write(count, work),
  }
  const written = [...all.values()].filter(({ isWriter }) => isWriter)
  return {
    ...live,
    caches: makeCacheInvalidation({ db, stream: get('caches'), instance, now: options.now ?? Date.now }),
    all,
    followed: () =>
      [...all.values()].filter(
        ({ name, writers, hasListeners }) =>
          (streamsOfToken.has(name) || hasListeners()) && !(writers.length === 1 && writers[0] === instance),
      ),
    ownPositions: () => Object.fromEntries(written.map(({ name, positions }) => [name, positions.minimalLocal()])),
    attach(to) {
      outlet = to
    },
    saved: async () => void (await Promise.all(written.map((stream) => stream.saved()))),
  }
}
