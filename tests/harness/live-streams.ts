/**
 * The streams of a process on a test's database, without the process. One that writes all of them, alone:
 *
 *     const streams = await openStreams(t, db)
 *
 * Several that hear of each other: give each the same `bus`, have everyone follow what they follow, then `connect` each.
 */

import { connectStreams } from '../../worker/replication/connect-streams.ts'
import type { Replication } from '../../worker/replication/replication.ts'
import type { Db } from '../../worker/storage/db.ts'
import { StorageError } from '../../worker/storage/postgres/errors.ts'
import { databaseUpdates, isInDatabase } from '../../worker/streams/database-updates.ts'
import type { StreamName, WritersKey } from '../../worker/streams/definitions.ts'
import { makeLiveStreams, type OpenStreams } from '../../worker/streams/make-live-streams.ts'
import type { Fetch } from '../../worker/streams/updates.ts'
import type { MemoryBus } from './memory-bus.ts'

export interface TestStreamsOptions {
  readonly instance?: string
  readonly streamWriters?: Readonly<Partial<Record<WritersKey, readonly string[]>>>
  /** Rows that were missed: from the database, where they are in it; else none. */
  readonly fetch?: (name: StreamName) => Fetch
  readonly onProblem?: (problem: string, error?: unknown) => void
}

/** Problems fail the test, unless it says what to do with them. Positions are saved before the test's database is closed. */
export async function openStreams(
  t: { after(fn: () => Promise<void>): void },
  db: Db,
  options: TestStreamsOptions = {},
): Promise<OpenStreams> {
  const onProblem = options.onProblem ?? fail
  const streams = await makeLiveStreams({
    db,
    instance: options.instance ?? 'master',
    streamWriters: options.streamWriters ?? {},
    fetch: options.fetch ?? ((name) => (isInDatabase(name) ? databaseUpdates(db, name) : nothing)),
    onProblem,
  })
  t.after(() => streams.saved())
  return streams
}

/** Settles when the process is on the bus. It leaves it with the test. */
export async function connect(
  t: { after(fn: () => Promise<void>): void },
  streams: OpenStreams,
  bus: MemoryBus,
  onProblem: TestStreamsOptions['onProblem'] = fail,
): Promise<Replication> {
  const { promise: connected, resolve } = Promise.withResolvers<void>()
  const replication = connectStreams({ streams, connect: bus.connect, onConnected: resolve, onProblem })
  t.after(replication.close)
  await connected
  return replication
}

/** Of a stream in memory: its writer has said nothing. */
const nothing: Fetch = async (_instance, _from, upTo) => ({ rows: [], upTo, limited: false })

function fail(problem: string, error?: unknown): void {
  // The test is over, and its database closed, while a last position was to be saved: nobody reads that.
  if (error instanceof StorageError && error.message === 'storage is closed') return
  throw new Error(problem, { cause: error })
}
