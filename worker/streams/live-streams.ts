/** The streams of this process, as the rest of the worker sees them: where everybody is, what is new, and how to write. */

import type { Transaction } from '../storage/db.ts'
import type { StreamName, StreamRow } from './definitions.ts'
import type { InstanceTable } from './instance-ids.ts'
import type { StreamToken } from './tokens.ts'
import type { MultiWriterToken } from './vector-clock.ts'

/** What was written under IDs of a stream. */
export interface Written<Name extends StreamName, T> {
  readonly result: T
  /** By ID: the rows to announce. An ID without any was not used. */
  readonly rows: readonly (readonly [id: number, rows: readonly StreamRow<Name>[]])[]
}

/** Rows of one position, of one writer; this process among them. */
export type RowsListener<Name extends StreamName> = (
  rows: readonly StreamRow<Name>[],
  position: number,
  writer: string,
) => void

export interface LiveStreams {
  /** This process: `master`, or the worker's name. */
  readonly instance: string
  /** Names of writers in tokens; `instances.parse` reads those that clients send. */
  readonly instances: InstanceTable
  /** In the order of the configuration, by which rooms are shared out. Empty: every process writes it. */
  readonly writersOf: (name: StreamName) => readonly string[]
  readonly writes: (name: StreamName) => boolean

  /** What a client that reads now may see. The same object until something moves. */
  readonly now: () => StreamToken
  /** As in {@link now}, of one stream, whether a token has it or not. */
  readonly current: (name: StreamName) => MultiWriterToken
  /**
   * Settles when {@link now} covers the token (which another process gave): true, or false if that takes longer than
   * `timeoutMs`.
   */
  readonly reach: (token: StreamToken, timeoutMs: number) => Promise<boolean>

  /**
   * Hears all rows of a stream from now on, of each writer in order, this process' own among them, before {@link now} moves
   * past them: whoever sees a position has forgotten what it made stale. Listeners must not throw and must not wait. To be
   * called before the process is connected.
   */
  readonly follow: <Name extends StreamName>(name: Name, listener: RowsListener<Name>) => void
  /** The writer of a stream in its memory (typing) started anew, at `position`: what it said before is void. */
  readonly onReset: (name: StreamName, listener: (writer: string, position: number) => void) => void
  /** {@link now} moved, in this stream: who waits looks again. Rows were heard before. */
  readonly onAdvance: (listener: (name: StreamName) => void) => void

  /**
   * Writes to a stream of this process: reserves `count` IDs, runs `work` with them (ascending; negative ones of `backfill`
   * descending), and announces the rows that it returns. They must be committed when `work` ends. What `work` throws is
   * thrown; its IDs are given up.
   *
   * When it resolves, {@link now} covers what was written (after a second at the latest: a write with lower IDs may take
   * long). So `work` must not wait for another write to the same stream.
   */
  readonly write: <Name extends StreamName, T>(
    name: Name,
    count: number,
    work: (ids: readonly number[]) => Promise<Written<Name, T>>,
  ) => Promise<T>
}

/** The stream `caches`: entries of caches that are stale in all processes, Synapse's among them. */
export interface CacheInvalidation {
  /**
   * A transaction that makes entries stale: `stale` is called in `work`, with the name of Synapse's cached function and its
   * arguments, or with null for all of its entries. All processes forget them once the transaction is committed, this one before the promise resolves; what is
   * committed is announced, whenever the process is killed.
   */
  readonly transaction: <T>(
    description: string,
    work: (
      tx: Transaction,
      stale: (cacheFunc: string, keys: readonly (string | number)[] | null) => void,
    ) => Promise<T>,
  ) => Promise<T>
  /** Forgets an entry, or with null all of them. Called for this process' own too. */
  readonly on: (cacheFunc: string, forget: (keys: readonly unknown[] | null) => void) => void
}
