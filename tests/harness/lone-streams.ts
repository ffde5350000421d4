/** Streams as one process has them that writes them all and is alone: rows are heard when they are written. */

import type { StreamName, StreamRow } from '../../worker/streams/definitions.ts'
import type { LiveStreams, RowsListener, Written } from '../../worker/streams/live-streams.ts'
import { tokenAt } from '../../worker/streams/vector-clock.ts'

type Lone = Pick<LiveStreams, 'instance' | 'writersOf' | 'writes' | 'follow' | 'onReset' | 'write' | 'current'>

export interface LoneStreams extends Lone {
  /** As if another process had written rows. */
  readonly hear: <Name extends StreamName>(name: Name, rows: readonly StreamRow<Name>[], position: number) => void
  /** All rows that were written. */
  readonly written: readonly (readonly [name: StreamName, id: number, row: unknown])[]
  readonly reset: (name: StreamName, position?: number) => void
}

/** `elsewhere`: streams that another process writes. */
export function makeLoneStreams(elsewhere: readonly StreamName[] = []): LoneStreams {
  const listeners = new Map<StreamName, RowsListener<StreamName>[]>()
  const resets = new Map<StreamName, ((writer: string, position: number) => void)[]>()
  const positions = new Map<StreamName, number>()
  /** One write to a stream follows on the other. */
  const last = new Map<StreamName, Promise<unknown>>()
  const written: (readonly [StreamName, number, unknown])[] = []
  const at = (name: StreamName) => positions.get(name) ?? 1
  const hear = (name: StreamName, rows: readonly unknown[], position: number) => {
    for (const listener of listeners.get(name) ?? [])
      listener(rows as readonly StreamRow<StreamName>[], position, 'master')
    positions.set(name, Math.max(at(name), position))
  }
  return {
    instance: 'master',
    writersOf: (name) => (elsewhere.includes(name) ? ['elsewhere'] : ['master']),
    writes: (name) => !elsewhere.includes(name),
    follow: (name, listener) =>
      void listeners.set(name, [...(listeners.get(name) ?? []), listener as RowsListener<StreamName>]),
    onReset: (name, listener) => void resets.set(name, [...(resets.get(name) ?? []), listener]),
    current: (name) => tokenAt(at(name)),
    write<Name extends StreamName, T>(
      name: Name,
      count: number,
      work: (ids: readonly number[]) => Promise<Written<Name, T>>,
    ) {
      const done = (last.get(name) ?? Promise.resolve()).then(async () => {
        const ids = Array.from({ length: count }, (_, i) => at(name) + i + 1)
        const { result, rows } = await work(ids)
        positions.set(name, ids.at(-1)!)
        for (const [id, own] of rows) {
          hear(name, own, id)
          for (const row of own) written.push([name, id, row])
        }
        return result
      })
      last.set(
        name,
        done.catch(() => undefined),
      )
      return done
    },
    hear,
    written,
    reset: (name, position = 0) => {
      positions.delete(name)
      for (const listener of resets.get(name) ?? []) listener('master', position)
    },
  }
}
