/** Streams whose writers are moved by the test: rows are heard first, then the writer's position passes them. */

import type { StreamName, StreamRow } from '../../../worker/streams/definitions.ts'
import type { LiveStreams, RowsListener } from '../../../worker/streams/live-streams.ts'
import { covers, tokenOfStreams } from '../../../worker/streams/stream-token.ts'
import { type MultiWriterToken, tokenAt, tokenOf } from '../../../worker/streams/vector-clock.ts'

export interface FakeStreams extends Omit<LiveStreams, 'write' | 'writesOf' | 'writersOf'> {
  readonly hear: <Name extends StreamName>(
    name: Name,
    rows: readonly StreamRow<Name>[],
    position: number,
    writer?: string,
  ) => void
  /** The writer is known to be there. Without a writer: all are. */
  readonly advance: (name: StreamName, position: number, writer?: string) => void
  /** Both. */
  readonly say: FakeStreams['hear']
  readonly reset: (name: StreamName, position?: number) => void
}

/** `writers`: of `events`; all other streams have `master`. */
export function makeFakeStreams(writers: readonly string[] = ['master']): FakeStreams {
  const listeners = new Map<StreamName, RowsListener<StreamName>[]>()
  const resets: (readonly [StreamName, (writer: string, position: number) => void])[] = []
  const advances: ((name: StreamName) => void)[] = []
  const positions = new Map<StreamName, Map<string, number>>()
  const numberOf = new Map(writers.map((name, index) => [name, index + 1]))
  const writersOf = (name: StreamName) => (name === 'events' ? writers : ['master'])
  const current = (name: StreamName): MultiWriterToken => {
    const of = positions.get(name)
    if (of === undefined) return tokenAt(1)
    const least = Math.min(...writersOf(name).map((writer) => of.get(writer) ?? 1))
    return tokenOf(least, of)
  }
  const hear: FakeStreams['hear'] = (name, rows, position, writer = 'master') => {
    for (const listener of listeners.get(name) ?? [])
      listener(rows as readonly StreamRow<StreamName>[], position, writer)
  }
  const advance: FakeStreams['advance'] = (name, position, writer) => {
    const of = positions.get(name) ?? new Map<string, number>()
    positions.set(name, of)
    for (const one of writer === undefined ? writersOf(name) : [writer])
      of.set(one, Math.max(position, of.get(one) ?? 1))
    for (const listener of advances) listener(name)
  }
  const now = () => tokenOfStreams(current)
  return {
    instance: 'master',
    instances: {
      nameOf: (id) => writers[id - 1],
      idOf: (name) => numberOf.get(name),
      ensure: async () => undefined,
      async parse(parse, text) {
        return parse(text, this)
      },
    },
    writes: () => false,
    now,
    current,
    async reach(token, timeoutMs) {
      const deadline = performance.now() + timeoutMs
      while (!covers(now(), token)) {
        if (performance.now() > deadline) return false
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
      return true
    },
    follow: (name, listener) =>
      void listeners.set(name, [...(listeners.get(name) ?? []), listener as RowsListener<StreamName>]),
    onReset: (name, listener) => void resets.push([name, listener]),
    onAdvance: (listener) => void advances.push(listener),
    hear,
    advance,
    say(name, rows, position, writer = 'master') {
      hear(name, rows, position, writer)
      advance(name, position, writer)
    },
    reset(name, position = 0) {
      positions.delete(name)
      for (const [of, listener] of resets) if (of === name) listener('master', position)
    },
  }
}
