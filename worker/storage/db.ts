/** The database as all of `worker/` sees it. Everything it throws about Postgres is a `StorageError`. */

import { type Observer, observeAll } from './observer.ts'
import { ATTEMPTS, pauseAfter } from './postgres/attempts.ts'
import { connect } from './postgres/connection.ts'
import { StorageError } from './postgres/errors.ts'
import { makePool, type PoolNumbers } from './postgres/pool.ts'
import type { StorageSettings } from './postgres/settings.ts'
import { makeStatements, type Statement } from './postgres/statement.ts'
import { only, runTransaction } from './postgres/transaction.ts'
import type { Param } from './postgres/values.ts'

export type { Param }
export type Isolation = 'read committed' | 'repeatable read' | 'serializable'

/**
 * SQL with `$1`, `$2` …, prepared once on each connection. Texts are constants of the sources; what varies is a parameter
 * (lists as arrays: `= any($1)`, `unnest`), never part of the text.
 *
 * bigint is a number (an error beyond 2^53), bytea a Buffer, jsonb text.
 *
 * Outside of a transaction, a statement that Postgres stopped for another (a deadlock) runs again, a few times; so does one that
 * only reads, where the connection broke.
 */
export interface Queries {
  /** All rows. */
  rows<Row>(sql: string, params?: readonly Param[]): Promise<Row[]>
  /** The row, if there is one. Throws if there are more. */
  one<Row>(sql: string, params?: readonly Param[]): Promise<Row | undefined>
  /** How many rows were changed. */
  run(sql: string, params?: readonly Param[]): Promise<number>
}

export interface Transaction extends Queries {
  /** Several statements in one text: for migrations. */
  script(sql: string): Promise<void>
}

export interface Db extends Queries {
  /**
   * All or nothing of what `work` does with `tx`, at a snapshot (`repeatable read`) or at the moment of each statement
   * (`read committed`).
   *
   * `work` runs again from its start, a few times, when Postgres says that another transaction was in the way, or when
   * the connection was lost before the commit: it must change nothing else, or nothing that cannot be changed twice.
   *
   * Statements are sent at once, in the order of the calls. So writes need not be awaited one by one: `await
   * Promise.all([…])`, or not at all. Nothing counts before all of them were answered; the first that failed is thrown.
   *
   * With `mayHaveCommitted` in the error nobody knows how it ended.
   *
   * `description` is for metrics and logs; the name of the function without it.
   */
  transaction<T>(isolation: Isolation, work: (tx: Transaction) => Promise<T>, description?: string): Promise<T>
  /** Connections, and who waits for one. */
  numbers(): PoolNumbers
  /** Waits for what runs, at most `patienceMs`, and closes the connections. */
  close(patienceMs?: number): Promise<void>
}

/** Connections are opened when they are needed; nothing is done here. */
export function makeDb(settings: StorageSettings, observers: readonly Observer[] = []): Db {
  const observer = observeAll(observers)
  const statements = makeStatements(!settings.pgBouncer)
  const pool = makePool((onLost) => connect(settings, onLost), settings)

  /**
   * A statement that was in conflict with others did nothing, so that it may run again, as a transaction may. So may one that
   * only reads, where the connection broke under it: without that, whoever asks when Postgres restarts is refused.
   */
  const send = async (text: string, params: readonly Param[] = []) => {
    for (let attempt = 1; ; attempt++) {
      const statement = statements.of(text)
      try {
        return await sendOnce(statement, params)
      } catch (error) {
        if (!(error instanceof StorageError)) throw error
        const { kind } = error
        const isLost = kind === 'unavailable' && error.tryAgain && statement.isRead
        // The tables were altered under a prepared statement, which was therefore not run.
        if (kind === 'stale' && !settings.pgBouncer && attempt === 1) statements.renew()
        else if ((kind === 'conflict' || isLost) && attempt < ATTEMPTS) await pauseAfter(attempt)
        else throw error
      }
    }
  }

  const sendOnce = async (statement: Statement, params: readonly Param[]) => {
    let sent = performance.now()
    const got = pool.shared()
    const connection = 'send' in got ? got : await got
    const now = performance.now()
    observer.scheduled(now - sent)
    sent = now
    try {
      const answer = await connection.send(statement, params)
      tell(statement, performance.now() - sent, answer.count, undefined)
      return answer
    } catch (error) {
      tell(statement, performance.now() - sent, 0, error as StorageError)
      throw error
    } finally {
      pool.answered()
    }
  }

  const tell = (statement: Statement, ms: number, rows: number, error: StorageError | undefined) => {
    observer.statement(statement, ms, rows, error)
    observer.transaction(statement.description, ms, 1, error)
  }

  return {
    rows: async <Row>(sql: string, params?: readonly Param[]) => (await send(sql, params)).rows as Row[],
    one: async <Row>(sql: string, params?: readonly Param[]) => only<Row>(await send(sql, params), sql),
    run: async (sql, params) => (await send(sql, params)).count,
    transaction: (isolation, work, description = work.name || 'transaction') =>
      runTransaction({ pool, statements, observer }, isolation, work, description),
    numbers: pool.numbers,
    close: (patienceMs = 10_000) => pool.close(patienceMs),
  }
}
