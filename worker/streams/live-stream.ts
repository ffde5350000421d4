/** One stream in this process: its positions, what of it clients may see, and who hears its rows. */

import { StorageError } from '../storage/postgres/errors.ts'
import { MAIN, type StreamDefinition, type StreamName, type StreamRow, streams, writersOf } from './definitions.ts'
import { type IdGenerator, makeIdGenerator, type Reserve } from './id-generator.ts'
import type { RowsListener, Written } from './live-streams.ts'
import type { StreamDatabase } from './load-positions.ts'
import { makeMemoryPositions } from './memory-positions.ts'
import { batches, type Fetch } from './updates.ts'
import { type MultiWriterToken, tokenAt } from './vector-clock.ts'
import { makeWaiters } from './waiters.ts'

/** Where rows of this process go to be announced: `worker/replication/writer.ts`. */
export interface Outlet {
  readonly stage: (stream: string, id: number, rows: readonly (readonly unknown[])[]) => void
  readonly advanced: (stream: string) => void
  readonly gaveUp: (stream: string, ids: readonly number[]) => void
}

export interface LiveStream<Name extends StreamName = StreamName> {
  readonly name: Name
  readonly definition: StreamDefinition<StreamRow<Name>>
  readonly writers: readonly string[]
  readonly isWriter: boolean
  readonly positions: {
    readonly positionOf: (instance: string) => number
    readonly minimalLocal: () => number
    readonly advance: (instance: string, position: number, isRow: boolean) => void
  }
  /** What a client that reads now may see; the same object until that moves. */
  readonly token: () => MultiWriterToken
  readonly listen: (listener: RowsListener<Name>) => void
  readonly hasListeners: () => boolean
  readonly listenToResets: (listener: (writer: string, position: number) => void) => void
  /** Rows of another process, before its position moves. */
  readonly hear: (rows: readonly StreamRow<Name>[], position: number, writer: string) => void
  readonly reset: (writer: string, position: number) => void
  /** Rows that this process missed. */
  readonly fetch: Fetch
  /** As `LiveStreams.write`. */
  readonly write: <T>(count: number, work: (ids: readonly number[]) => Promise<Written<Name, T>>) => Promise<T>
  /**
   * With IDs that `work` reserves in its own transaction. Of streams that are in the database. Resolves at once when they
   * are written, although {@link token} may not cover them yet.
   */
  readonly writeWithin: <T>(work: (reserve: Reserve) => Promise<Written<Name, T>>) => Promise<T>
  /** Settles when this process' position in `stream_positions` is as it is to be. */
  readonly saved: () => Promise<void>
}

export interface LiveStreamOptions<Name extends StreamName> {
  readonly name: Name
  readonly db: StreamDatabase
  readonly instance: string
  readonly streamWriters: Parameters<typeof writersOf>[1]
  readonly fetch: Fetch
  /** Undefined until the process is connected: what is written before that, the others fetch. */
  readonly outlet: () => Outlet | undefined
  readonly onMoved: () => void
  readonly onProblem: (problem: string, error?: unknown) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** A write resolves when this process sees it. It may have to wait for writes that began before; no longer than this. */
const OWN_POSITION_MS = 1_000
/** Between looks whether something was written, while Postgres is away. */
const MAX_PAUSE_MS = 2_000

export async function openLiveStream<Name extends StreamName>(
  options: LiveStreamOptions<Name>,
): Promise<LiveStream<Name>> {
  const { name, db, instance, fetch, outlet, onMoved, onProblem, now } = options
  const definition = streams[name] as StreamDefinition as StreamDefinition<StreamRow<Name>>
  const writers = writersOf(definition, options.streamWriters)
  const isWriter = writers.length === 0 || writers.includes(instance)
  const listeners: RowsListener<Name>[] = []
  const resetListeners: ((writer: string, position: number) => void)[] = []
  const waiters = makeWaiters()
  /** Rows of this process whose position is not reached, by ID. */
  const staged: { readonly id: number; readonly rows: readonly StreamRow<Name>[] }[] = []

  const generator: IdGenerator | undefined =
    definition.ids === undefined
      ? undefined
      : await makeIdGenerator({
          db,
          ids: definition.ids,
          instance,
          writers,
          onFinished: (ids, succeeded) => finished(succeeded ? [] : ids),
          onSaveFailed: (error) => onProblem(`${name}: its position could not be saved`, error),
        })
  const memory = generator === undefined ? makeMemoryPositions(instance, isWriter ? now() : undefined) : undefined
  const positions = (generator?.positions ?? memory)!
  const readToken = () => generator?.positions.token() ?? tokenAt(positions.positionOf(writers[0] ?? MAIN))
  let token = readToken()

  const refresh = () => {
    const next = readToken()
    if (isSame(token, next)) return
    token = next
    onMoved()
  }

  const hear = (rows: readonly StreamRow<Name>[], position: number, writer: string) => {
    for (const listener of listeners) {
      try {
        listener(rows, position, writer)
      } catch (error) {
        onProblem(`${name}: who hears its rows failed`, error)
      }
    }
  }

  const stage = (id: number, rows: readonly StreamRow<Name>[]) => {
    let at = staged.length
    while (at > 0 && staged[at - 1]!.id > id) at--
    staged.splice(at, 0, { id, rows })
  }

  /** This process' position may have moved: first who keeps something here hears of it, then the others, then who waits. */
  const finished = (failed: readonly number[]) => {
    const position = positions.positionOf(instance)
    while (staged.length > 0 && staged[0]!.id <= position) {
      const { id, rows } = staged.shift()!
      hear(rows, id, instance)
    }
    if (failed.length > 0) outlet()?.gaveUp(name, failed)
    else outlet()?.advanced(name)
    refresh()
    waiters.wake(position)
  }

  const accept = <T>({ result, rows }: Written<Name, T>): T => {
    for (const [signed, ofId] of rows) {
      if (ofId.length === 0) continue
      const id = Math.abs(signed)
      stage(id, ofId)
      outlet()?.stage(name, id, ofId.map(definition.row.encode))
    }
    return result
  }

  /**
   * It may be there although it failed: the others are made to look, and who keeps something here must hear of it too.
   * Until Postgres says, the IDs stay unfinished, and nobody moves past them.
   */
  const lookAgain = async (signed: readonly number[]) => {
    const ids = signed.map(Math.abs)
    for (let attempt = 0; ; attempt++) {
      try {
        const { rows } = await fetch(instance, Math.min(...ids) - 1, Math.max(...ids))
        for (const [id, batch] of batches(rows)) {
          const decoded = batch.map(definition.row.decode).flatMap((row) => (row.ok ? [row.value] : []))
          if (ids.includes(id)) stage(id, decoded)
        }
        return
      } catch (error) {
        if (attempt === 0) onProblem(`${name}: it is not known yet whether ${ids.join(', ')} were written`, error)
        await sleep(Math.min(MAX_PAUSE_MS, 50 * 2 ** attempt))
      }
    }
  }

  /** Runs a write. If nobody knows how its work ended, whoever called is told at once, and its IDs are given up later. */
  const orUnknown = async <T>(
    write: (settle: (work: () => Promise<T>) => Promise<T>) => Promise<T>,
    given: () => readonly number[],
  ): Promise<T> => {
    const { promise: unknown, reject } = Promise.withResolvers<never>()
    const writing = write(async (work) => {
      try {
        return await work()
      } catch (error) {
        if (mayBeThere(error) && given().length > 0) {
          reject(error)
          await lookAgain(given())
        }
        throw error
      }
    })
    return Promise.race([writing, unknown])
  }

  const seen = async (ids: readonly number[]) => {
    const last = Math.max(...ids.map(Math.abs))
    if (positions.positionOf(instance) < last) await waiters.wait(last, OWN_POSITION_MS)
  }

  const writeWithin = <T>(work: (reserve: Reserve) => Promise<Written<Name, T>>): Promise<T> => {
    const given: number[] = []
    return orUnknown(
      (settle) =>
        generator!.writeWithin((reserve) =>
          settle(async () =>
            accept(
              await work(async (db, count) => {
                const ids = await reserve(db, count)
                given.push(...ids)
                return ids
              }),
            ),
          ),
        ),
      () => given,
    )
  }

  /** Of a stream in memory one write follows on the other, as there is nobody else who could come between. */
  let last: Promise<unknown> = Promise.resolve()
  const writeInMemory = <T>(count: number, work: (ids: readonly number[]) => Promise<Written<Name, T>>): Promise<T> => {
    const written = last.then(async () => {
      const before = positions.positionOf(instance)
      const result = accept(await work(Array.from({ length: count }, (_, index) => before + index + 1)))
      positions.advance(instance, before + count, true)
      finished([])
      return result
    })
    last = written.catch(() => undefined)
    return written
  }

  return {
    name,
    definition,
    writers,
    isWriter,
    positions: {
      positionOf: positions.positionOf,
      minimalLocal: positions.minimalLocal,
      advance(writer, position, isRow) {
        positions.advance(writer, position, isRow)
        refresh()
      },
    },
    token: () => token,
    listen: (listener) => void listeners.push(listener),
    hasListeners: () => listeners.length > 0,
    listenToResets: (listener) => void resetListeners.push(listener),
    hear,
    fetch,
    reset(writer, position) {
      for (const listener of resetListeners) listener(writer, position)
    },
    async write<T>(count: number, work: (ids: readonly number[]) => Promise<Written<Name, T>>) {
      if (!isWriter) throw new Error(`${instance} is no writer of ${name}: that is ${writers.join(', ')}`)
      if (generator === undefined) return writeInMemory(count, work)
      let ids: readonly number[] = []
      const result = await orUnknown<T>(
        (settle) =>
          generator.write(count, (given) => {
            ids = given
            return settle(async () => accept(await work(given)))
          }),
        () => ids,
      )
      await seen(ids)
      return result
    },
    writeWithin,
    saved: () => generator?.saved() ?? Promise.resolve(),
  }
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref())

const mayBeThere = (error: unknown): boolean => error instanceof StorageError && error.mayHaveCommitted

function isSame(a: MultiWriterToken, b: MultiWriterToken): boolean {
  if (a.stream !== b.stream || a.ahead.size !== b.ahead.size) return false
  for (const [instance, position] of a.ahead) if (b.ahead.get(instance) !== position) return false
  return true
}
