/**
 * IDs of a stream: reserved from its sequence, finished in any order, and the positions that follow from that. Writers of one
 * stream share the sequence, each with a generator of its own.
 */

import type { StreamIds } from './definitions.ts'
import { loadPositions, type StreamDatabase } from './load-positions.ts'
import { type LocalPositions, makePositions, type Positions } from './positions.ts'

export interface IdGenerator {
  readonly positions: Positions
  /**
   * Runs `work` with `count` new IDs, ascending (for negative streams descending), and finishes them whether it succeeds
   * or throws: an ID that is never finished would hold up every reader. Their rows must be committed when `work` ends.
   */
  readonly write: <T>(count: number, work: (ids: readonly number[]) => Promise<T>) => Promise<T>
  /**
   * As {@link write}, where it shows only in a transaction how many IDs there are to be: `work` reserves them in it. Those
   * of an attempt that is rolled back are finished too.
   */
  readonly writeWithin: <T>(work: (reserve: Reserve) => Promise<T>) => Promise<T>
  /** Settles when `stream_positions` has what it is to have. */
  readonly saved: () => Promise<void>
}

/** `db`: the transaction that is open. To ask another connection could mean to wait for this one's end. */
export type Reserve = (db: StreamDatabase, count: number) => Promise<readonly number[]>

export interface IdGeneratorOptions {
  readonly db: StreamDatabase
  readonly ids: StreamIds
  /** This process. */
  readonly instance: string
  /** All writers of the stream; empty: every process may, and nobody saves positions. */
  readonly writers: readonly string[]
  /**
   * IDs are finished, given without a sign. Where `work` threw they may have been committed all the same, if that was when
   * the connection broke.
   */
  readonly onFinished?: (ids: readonly number[], succeeded: boolean) => void
  /** `stream_positions` could not be written: readers that start meanwhile look at a few rows more. */
  readonly onSaveFailed?: (error: unknown) => void
}

/** Reads where the stream is. A process that does not write it has a generator too, for the positions. */
export async function makeIdGenerator(options: IdGeneratorOptions): Promise<IdGenerator> {
  const { db, ids, instance, writers, onFinished, onSaveFailed } = options
  const isWriter = writers.length === 0 || writers.includes(instance)
  const writing = writers.length === 0 ? 'everyone' : isWriter ? 'this and others' : 'others'
  const positions = makePositions(instance, writing, await loadPositions(db, ids, instance, writers))
  const reserve = makeReserve(db, ids.sequence, positions)
  const assertWriter = () => {
    if (!isWriter) throw new Error(`${instance} is no writer of ${ids.positions}: that is ${writers.join(', ')}`)
  }
  const signed = (given: readonly number[]) => (ids.negative ? given.map((id) => -id) : given)
  const finish = (given: readonly number[], succeeded: boolean) => {
    positions.finish(given)
    onFinished?.(given, succeeded)
    // Only then is there a row of this process at that position.
    if (succeeded && writers.length > 0) saver.save()
  }
  const saver = makeSaver(db, ids, instance, () => positions.positionOf(instance), onSaveFailed)

  return {
    positions,
    async write(count, work) {
      assertWriter()
      const reserved = await reserve(count)
      let succeeded = false
      try {
        const result = await work(signed(reserved))
        succeeded = true
        return result
      } finally {
        finish(reserved, succeeded)
      }
    },
    async writeWithin(work) {
      assertWriter()
      const reserved: number[] = []
      let succeeded = false
      try {
        const result = await work(async (transaction, count) => {
          const reserving = positions.startReserving()
          let given: readonly number[] = []
          try {
            given = await askFor(transaction, ids.sequence, count)
          } finally {
            reserving.reserved(given)
            reserved.push(...given)
          }
          return signed(given)
        })
        succeeded = true
        return result
      } finally {
        if (reserved.length > 0) finish(reserved, succeeded)
      }
    },
    saved: saver.saved,
  }
}

/** Ascending. */
async function askFor(db: StreamDatabase, sequence: string, count: number): Promise<number[]> {
  const sql = `select nextval('${sequence}') as id from generate_series(1, $1::int)`
  const given: number[] = []
  // A new sequence starts at 1, where every stream is held to be already.
  while (given.length < count) {
    const rows = await db.rows<{ id: string }>(sql, [count - given.length])
    given.push(...rows.map(({ id }) => Number(id)).filter((id) => id > 1))
  }
  return given.sort((a, b) => a - b)
}

/**
 * One statement at a time: what is asked for meanwhile shares the next. So the database has one statement for many events
 * when there is much to do, and an event waits for two at most.
 */
function makeReserve(db: StreamDatabase, sequence: string, positions: LocalPositions) {
  interface Waiting {
    readonly count: number
    readonly resolve: (ids: readonly number[]) => void
    readonly reject: (error: unknown) => void
  }
  let waiting: Waiting[] = []
  let running = false

  const run = async () => {
    running = true
    while (waiting.length > 0) {
      const served = waiting
      waiting = []
      const reserving = positions.startReserving()
      try {
        const given = await askFor(
          db,
          sequence,
          served.reduce((sum, { count }) => sum + count, 0),
        )
        reserving.reserved(given)
        for (const { count, resolve } of served) resolve(given.splice(0, count))
      } catch (error) {
        reserving.reserved([])
        for (const { reject } of served) reject(error)
      }
    }
    running = false
  }

  return (count: number): Promise<readonly number[]> =>
    new Promise((resolve, reject) => {
      waiting.push({ count, resolve, reject })
      // The first of a turn waits for its end, to be joined by others.
      if (!running) {
        running = true
        queueMicrotask(run)
      }
    })
}

/** Writes this process's row of `stream_positions`, one statement at a time: only the newest position matters. */
function makeSaver(
  db: StreamDatabase,
  ids: StreamIds,
  instance: string,
  position: () => number,
  onFailed: ((error: unknown) => void) | undefined,
) {
  // Not waited for until it is on the disk, which costs as much as the write it follows: should Postgres fail before, the row is
  // an older one, as when this process is killed, and who starts reads a few rows more.
  const sql = `with setting as (select set_config('synchronous_commit', 'off', true))
    insert into stream_positions (stream_name, instance_name, stream_id) select $1, $2, $3::bigint from setting
    on conflict (stream_name, instance_name) do update set stream_id = excluded.stream_id
    where stream_positions.stream_id ${ids.negative ? '>' : '<'} excluded.stream_id`
  let saved = 0
  let running: Promise<void> | undefined

  const run = async () => {
    while (position() > saved) {
      const now = position()
      try {
        await db.rows(sql, [ids.positions, instance, ids.negative ? -now : now])
        saved = now
      } catch (error) {
        onFailed?.(error)
        return
      }
    }
  }
  return {
    save() {
      running ??= run().finally(() => {
        running = undefined
      })
    },
    saved: () => running ?? Promise.resolve(),
  }
}
