/** Where every stream is, and each of its writers, from what is heard on the bus. */

import type { Command } from './commands.ts'

export interface WriterTally {
  readonly stream: string
  readonly writer: string
  readonly position: number
  /** How many positions the stream's furthest writer is ahead. */
  readonly behind: number
  /** Rows heard since the start. */
  readonly rows: number
  /** Since the writer was heard last. */
  readonly silentMs: number
}

export interface StreamTally {
  readonly stream: string
  /** Least and greatest position of its writers: all rows up to the least are there. */
  readonly least: number
  readonly greatest: number
  readonly writers: readonly WriterTally[]
}

export interface Tally {
  readonly receive: (command: Command) => void
  /** Streams and writers by name. */
  readonly report: () => readonly StreamTally[]
  /** Changes whenever a position does. */
  readonly changes: () => number
}

export function makeTally(now: () => number = Date.now): Tally {
  const streams = new Map<string, Map<string, { position: number; rows: number; heardAt: number }>>()
  let changes = 0

  const writerOf = (stream: string, writer: string) => {
    const writers = getOrMake(streams, stream, () => new Map())
    return getOrMake(writers, writer, () => ({ position: 0, rows: 0, heardAt: 0 }))
  }
  return {
    receive(command) {
      if (command.name !== 'RDATA' && command.name !== 'POSITION') return
      const one = writerOf(command.stream, command.instance)
      one.heardAt = now()
      if (command.name === 'RDATA') one.rows++
      // A lower one is meant: the writer of a stream in memory started anew.
      const position = command.name === 'RDATA' ? command.token : command.to
      if (position === null || position === one.position) return
      one.position = position
      changes++
    },
    report: () =>
      [...streams].sort(byName).map(([stream, writers]) => {
        const positions = [...writers.values()].map(({ position }) => position)
        const greatest = Math.max(...positions)
        return {
          stream,
          least: Math.min(...positions),
          greatest,
          writers: [...writers].sort(byName).map(([writer, { position, rows, heardAt }]) => ({
            stream,
            writer,
            position,
            behind: greatest - position,
            rows,
            silentMs: now() - heardAt,
          })),
        }
      }),
    changes: () => changes,
  }
}

function getOrMake<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : 1)
