/**
 * Follows streams that other processes write: rows in their order, none missing and none twice, whatever the bus loses.
 *
 * For each stream and writer: rows are dropped until the writer has said, on this connection, where it is. What is missing
 * between there and where this process is, is fetched; from then on rows of the bus are taken. Commands of one stream are
 * handled one after the other, those of different streams are not ordered.
 */

import type { Result } from '../../shared/matrix/result.ts'
import { batches, type Fetch } from '../streams/updates.ts'
import { makeWaiters, type Waiters } from '../streams/waiters.ts'
import { backOffMs } from './bus.ts'
import type { Position, Rdata } from './commands.ts'

export interface FollowedStream<Row = unknown> {
  readonly name: string
  /** A lower position is no mistake: the writer started anew, and all is to be fetched again. */
  readonly goesBackwards: boolean
  readonly positions: {
    readonly positionOf: (instance: string) => number
    /** `isRow`: there is a row at `position`, or was. */
    readonly advance: (instance: string, position: number, isRow: boolean) => void
  }
  readonly fetch: Fetch
  decode(row: unknown): Result<Row>
  /**
   * Rows with one token, before the position moves: what they make stale is forgotten when someone may see the new
   * position. A failure is a bug; it is told, and the stream goes on.
   */
  onRows(rows: readonly Row[], token: number, instance: string): void | Promise<void>
  /** The writer started anew, at `position`: forget what it said before. */
  readonly onReset?: (instance: string, position: number) => void
}

export interface ReaderOptions {
  /** This process, whose own rows are not followed. */
  readonly instance: string
  readonly streams: readonly FollowedStream[]
  /** Asks all writers where they are: something was dropped. */
  readonly askPositions: () => void
  readonly onProblem: (problem: string, error?: unknown) => void
}

export interface Reader {
  readonly receive: (command: Rdata | Position) => void
  /** Until writers say where they are again, nothing is taken. */
  readonly disconnected: () => void
  /**
   * Settles when the rows of `instance` up to `position` were handled: true, or false if that took longer. A stream
   * that is not followed, or written by this process, is not waited for. While nothing is heard of the writer (the bus is
   * away) its rows are fetched.
   */
  readonly waitFor: (stream: string, instance: string, position: number, timeoutMs: number) => Promise<boolean>
  /** Gives up what is under way. */
  readonly close: () => void
}

/** More commands of a stream than this do not wait for a fetch: they are dropped, and found by positions afterwards. */
const MAX_WAITING = 10_000

/** Somebody waits for what a writer wrote who is not heard. */
interface Look {
  readonly name: 'LOOK'
  readonly instance: string
  readonly to: number
}

type Task = Rdata | Position | Look

interface Writer {
  isConnected: boolean
  /** Rows of a token that is not complete. */
  batch: unknown[]
  readonly waiters: Waiters
}

interface Follow {
  readonly stream: FollowedStream
  readonly writers: Map<string, Writer>
  waiting: Task[]
  isBusy: boolean
  hasDropped: boolean
}

export function makeReader({ instance, streams, askPositions, onProblem }: ReaderOptions): Reader {
  const follows = new Map<string, Follow>(
    streams.map((stream) => [
      stream.name,
      {
        stream,
        writers: new Map(),
        waiting: [],
        isBusy: false,
        hasDropped: false,
      },
    ]),
  )
  /** Of the connection: what was begun under an older one connects nobody. */
  let generation = 0
  let isClosed = false

  const writerOf = (follow: Follow, name: string): Writer => {
    let writer = follow.writers.get(name)
    if (writer === undefined) {
      writer = { isConnected: false, batch: [], waiters: makeWaiters() }
      follow.writers.set(name, writer)
    }
    return writer
  }

  const moved = (follow: Follow, name: string, position: number, isRow: boolean) => {
    follow.stream.positions.advance(name, position, isRow)
    // One writer's step can show that others have nothing below it.
    for (const [writer, { waiters }] of follow.writers)
      if (waiters.count() > 0) waiters.wake(follow.stream.positions.positionOf(writer))
  }

  /** Settled at once, without a promise, where `onRows` is. */
  const deliver = (follow: Follow, name: string, token: number, raw: readonly unknown[]): void | Promise<void> => {
    const { stream } = follow
    const rows: unknown[] = []
    for (const row of raw) {
      const decoded = stream.decode(row)
      if (decoded.ok) rows.push(decoded.value)
      else onProblem(`${stream.name}: a row of ${name} at ${token} cannot be read: ${decoded.reason}`)
    }
    const failed = (error: unknown) => onProblem(`${stream.name}: rows of ${name} at ${token} failed`, error)
    try {
      const pending = stream.onRows(rows, token, name)
      if (pending !== undefined) return pending.catch(failed).then(() => moved(follow, name, token, true))
    } catch (error) {
      failed(error)
    }
    moved(follow, name, token, true)
  }

  const fetchUpTo = async (follow: Follow, name: string, to: number) => {
    const { stream } = follow
    let from = stream.positions.positionOf(name)
    if (from > to) {
      stream.onReset?.(name, 0)
      from = 0
    }
    for (;;) {
      const { rows, upTo, limited, beganAt = 0 } = await stream.fetch(name, from, to)
      if (from > 0 && from < beganAt) stream.onReset?.(name, beganAt)
      for (const [token, batch] of batches(rows)) await deliver(follow, name, token, batch)
      if (!limited) return
      if (upTo <= from) throw new Error(`fetching ${stream.name} from ${from} to ${to} does not advance`)
      moved(follow, name, upTo, false)
      from = upTo
    }
  }

  /** Until it succeeds, or the connection is another one: then the writer's next POSITION begins anew. */
  const catchUp = async (follow: Follow, name: string, to: number): Promise<void> => {
    const begun = generation
    for (let attempt = 0; begun === generation && !isClosed; attempt++) {
      try {
        await fetchUpTo(follow, name, to)
        // After a reset rows may have come from before it.
        moved(follow, name, to, false)
        if (begun === generation) writerOf(follow, name).isConnected = true
        return
      } catch (error) {
        if (attempt === 0) onProblem(`${follow.stream.name}: catching up with ${name} to ${to} failed`, error)
        await sleep(backOffMs(attempt))
      }
    }
  }

  const look = async (follow: Follow, { instance: name, to }: Look): Promise<void> => {
    if (follow.stream.positions.positionOf(name) >= to) return
    try {
      await fetchUpTo(follow, name, to)
      moved(follow, name, to, false)
    } catch (error) {
      onProblem(`${follow.stream.name}: looking for what ${name} wrote up to ${to} failed`, error)
    }
  }

  const handlePosition = (follow: Follow, { instance: name, from, to }: Position): void | Promise<void> => {
    const writer = writerOf(follow, name)
    const here = follow.stream.positions.positionOf(name)
    const isOld = to <= here && !follow.stream.goesBackwards
    if (isOld && writer.isConnected) return
    writer.isConnected = false
    writer.batch = []
    if (isOld || (from <= here && here <= to)) {
      if (to > here) moved(follow, name, to, false)
      writer.isConnected = true
      return
    }
    return catchUp(follow, name, to)
  }

  const handleRow = (follow: Follow, { instance: name, token, row }: Rdata): void | Promise<void> => {
    const writer = writerOf(follow, name)
    if (!writer.isConnected) return
    if (token === null) {
      writer.batch.push(row)
      return
    }
    const rows = writer.batch.length === 0 ? [row] : [...writer.batch, row]
    writer.batch = []
    if (token > follow.stream.positions.positionOf(name)) return deliver(follow, name, token, rows)
  }

  const run = async (follow: Follow, first: Promise<void>) => {
    follow.isBusy = true
    await first
    while (follow.waiting.length > 0) {
      const [commands, begun] = [follow.waiting, generation]
      follow.waiting = []
      for (const command of commands) {
        // What an older connection brought says nothing of what this one may have missed.
        if (begun !== generation) break
        await handle(follow, command)
      }
    }
    follow.isBusy = false
    if (follow.hasDropped) {
      follow.hasDropped = false
      for (const writer of follow.writers.values()) disconnect(writer)
      askPositions()
    }
  }

  const handle = (follow: Follow, task: Task) => {
    if (task.name === 'LOOK') return look(follow, task)
    return task.name === 'RDATA' ? handleRow(follow, task) : handlePosition(follow, task)
  }

  const take = (follow: Follow, task: Task) => {
    if (follow.isBusy) {
      if (follow.waiting.length < MAX_WAITING) follow.waiting.push(task)
      else {
        follow.waiting = []
        follow.hasDropped = true
      }
      return
    }
    const pending = handle(follow, task)
    if (pending !== undefined) void run(follow, pending)
  }

  const disconnect = (writer: Writer) => {
    writer.isConnected = false
    writer.batch = []
  }

  return {
    receive(command) {
      const follow = follows.get(command.stream)
      if (follow === undefined || command.instance === instance || isClosed) return
      take(follow, command)
    },
    disconnected() {
      generation++
      for (const follow of follows.values()) {
        follow.waiting = []
        for (const writer of follow.writers.values()) disconnect(writer)
      }
    },
    async waitFor(name, writer, position, timeoutMs) {
      const follow = follows.get(name)
      if (follow === undefined || writer === instance) return true
      if (follow.stream.positions.positionOf(writer) >= position) return true
      const { isConnected, waiters } = writerOf(follow, writer)
      const reached = waiters.wait(position, timeoutMs)
      if (!isConnected && !isClosed) take(follow, { name: 'LOOK', instance: writer, to: position })
      return reached
    },
    close() {
      isClosed = true
      generation++
    },
  }
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
