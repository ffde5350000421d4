/** What storage tells of itself. */

import type { StorageError } from './postgres/errors.ts'
import type { Statement } from './postgres/statement.ts'

export interface Observer {
  /** A statement was answered after `ms`, sent alone or in a transaction. `rows`: selected or changed. */
  statement(statement: Statement, ms: number, rows: number, error: StorageError | undefined): void
  /**
   * A transaction ended after `ms` and so many attempts. A statement on its own is a transaction too, under its own
   * description.
   */
  transaction(description: string, ms: number, attempts: number, error: unknown): void
  /** A connection was waited for. */
  scheduled(ms: number): void
}

/** Tells all of `observers`. */
export const observeAll = (observers: readonly Observer[]): Observer => ({
  statement(...about) {
    for (const observer of observers) observer.statement(...about)
  },
  transaction(...about) {
    for (const observer of observers) observer.transaction(...about)
  },
  scheduled(ms) {
    for (const observer of observers) observer.scheduled(ms)
  },
})

/** As pino's. */
interface Log {
  warn(about: object, message: string): void
}

/** Logs statements and transactions that took `slowMs` or more: their text, never their parameters. */
export const logSlow = (log: Log, slowMs: number): Observer => ({
  statement({ text, description }, ms, rows, error) {
    if (ms < slowMs) return
    log.warn({ sql: text, ms: Math.round(ms), rows, ...(error && { error: error.code }) }, `slow: ${description}`)
  },
  transaction(description, ms, attempts) {
    // A statement alone was logged above.
    if (ms >= slowMs && attempts > 1)
      log.warn({ ms: Math.round(ms), attempts }, `slow: ${description}, ${attempts} attempts`)
  },
  scheduled(ms) {
    if (ms >= slowMs) log.warn({ ms: Math.round(ms) }, 'slow: waited for a connection to Postgres')
  },
})
