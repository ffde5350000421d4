/**
 * Announces what this process writes: rows when their positions are reached, and positions where there are no rows, so
 * that a writer that has nothing to say holds up nobody.
 */

import type { Position, Rdata } from './commands.ts'

export interface WrittenStream {
  readonly name: string
  readonly positions: {
    readonly positionOf: (instance: string) => number
    readonly minimalLocal: () => number
  }
  /**
   * Whether others want to know that this process is further because others are: true where a stream has writers whose
   * least position matters, false for `caches`, which every process writes.
   */
  readonly announcesIdle: boolean
}

export interface WriterOptions {
  readonly instance: string
  readonly streams: readonly WrittenStream[]
  /** False if it was not sent. */
  readonly publish: (command: Rdata | Position) => boolean
  readonly idleIntervalMs?: number
}

export interface Writer {
  /**
   * Rows that were committed under `id`, as they stand on the wire. To be called before the ID is finished: they are sent
   * when the position reaches it, so that rows of all IDs go out in order.
   */
  readonly stage: (stream: string, id: number, rows: readonly (readonly unknown[])[]) => void
  /** IDs of the stream were finished: sends what is due. */
  readonly advanced: (stream: string) => void
  /** These failed, and perhaps were committed all the same: readers are made to look. */
  readonly gaveUp: (stream: string, ids: readonly number[]) => void
  /** Somebody asked where the streams are: says so, soon. */
  readonly asked: () => void
  /** There is a connection again: says where the streams are before anything else, as what was sent may be lost. */
  readonly connected: () => void
  readonly close: () => void
}

/** Several processes ask at once when the bus was away; one answer is for all of them. */
const ANNOUNCE_DELAY_MS = 10

interface Written {
  readonly stream: WrittenStream
  /** Up to here everything was sent, or cannot be any more. */
  sent: number
  /** This process's last position that it moved to itself. */
  sentLocal: number
  /** By ID, ascending. Without rows: it failed. */
  readonly staged: Staged[]
}

interface Staged {
  readonly id: number
  readonly rows: readonly (readonly unknown[])[] | undefined
}

export function makeWriter({ instance, streams, publish, idleIntervalMs = 1_000 }: WriterOptions): Writer {
  const written = new Map<string, Written>(
    streams.map((stream) => [
      stream.name,
      {
        stream,
        sent: stream.positions.positionOf(instance),
        sentLocal: stream.positions.minimalLocal(),
        staged: [],
      },
    ]),
  )

  const sendPosition = (one: Written, from: number, to: number) => {
    publish({ name: 'POSITION', stream: one.stream.name, instance, from, to })
    one.sent = to
  }
  const send = (one: Written, { id, rows }: Staged) => {
    // From its own ID: whoever is below that fetches.
    if (rows === undefined) return sendPosition(one, id, id)
    const last = rows.length - 1
    for (const [index, row] of rows.entries())
      publish({ name: 'RDATA', stream: one.stream.name, instance, token: index < last ? null : id, row })
    if (rows.length > 0) one.sent = id
  }
  const flush = (one: Written, withIdle: boolean) => {
    const { stream, staged } = one
    const [position, local] = [stream.positions.positionOf(instance), stream.positions.minimalLocal()]
    let due = 0
    while (due < staged.length && staged[due]!.id <= position) send(one, staged[due++]!)
    staged.splice(0, due)
    // IDs that were finished without rows; somebody may wait for them.
    const hasUnused = local > one.sentLocal && local > one.sent
    one.sentLocal = local
    if (position > one.sent && (hasUnused || (withIdle && stream.announcesIdle))) sendPosition(one, one.sent, position)
  }
  const stage = ({ staged }: Written, added: Staged) => {
    let at = staged.length
    while (at > 0 && staged[at - 1]!.id > added.id) at--
    staged.splice(at, 0, added)
  }
  const announce = () => {
    clearTimeout(announcing)
    announcing = undefined
    for (const one of written.values()) {
      sendPosition(one, one.sent, one.sent)
      flush(one, false)
    }
  }

  const idle = setInterval(() => {
    for (const one of written.values()) flush(one, true)
  }, idleIntervalMs)
  let announcing: NodeJS.Timeout | undefined

  const get = (name: string): Written => {
    const one = written.get(name)
    if (one === undefined) throw new Error(`${instance} does not write ${name}`)
    return one
  }
  return {
    stage: (name, id, rows) => stage(get(name), { id, rows }),
    advanced: (name) => flush(get(name), false),
    gaveUp(name, ids) {
      const one = get(name)
      for (const id of ids) stage(one, { id, rows: undefined })
      flush(one, false)
    },
    asked() {
      announcing ??= setTimeout(announce, ANNOUNCE_DELAY_MS)
    },
    connected: announce,
    close() {
      clearInterval(idle)
      clearTimeout(announcing)
    },
  }
}
