/** A transaction: begin, what the caller does, commit; again from the start when another was in the way. */

import type { Isolation, Transaction } from '../db.ts'
import type { Observer } from '../observer.ts'
import { ATTEMPTS, pauseAfter } from './attempts.ts'
import type { Answer, Connection } from './connection.ts'
import { StorageError, storageError } from './errors.ts'
import type { Lease, Pool } from './pool.ts'
import type { Statement, Statements } from './statement.ts'
import type { Param } from './values.ts'

export async function runTransaction<T>(
  { pool, statements, observer }: { readonly pool: Pool; readonly statements: Statements; readonly observer: Observer },
  isolation: Isolation,
  work: (tx: Transaction) => Promise<T>,
  description: string,
): Promise<T> {
  const start = performance.now()
  for (let attempt = 1; ; attempt++) {
    const outcome = await tryOnce(pool, statements, observer, isolation, work, description)
    if ('result' in outcome) {
      observer.transaction(description, performance.now() - start, attempt, undefined)
      return outcome.result
    }
    const { error, cause } = outcome
    if (cause?.kind === 'stale') statements.renew()
    const isWorthIt = cause !== undefined && !cause.mayHaveCommitted && (cause.tryAgain || cause.kind === 'stale')
    if (!isWorthIt || attempt === ATTEMPTS) {
      const thrown = isConsequence(error) ? (cause ?? error) : error
      observer.transaction(description, performance.now() - start, attempt, thrown)
      throw thrown
    }
    await pauseAfter(attempt)
  }
}

/** `error` is what `work` threw; `cause` the first statement that failed, of which the other may be a consequence. */
type Outcome<T> = { readonly result: T } | { readonly error: unknown; readonly cause: StorageError | undefined }

/** What a statement gets to hear after one before it failed: in_failed_sql_transaction. */
const isConsequence = (error: unknown): boolean => error instanceof StorageError && error.code === '25P02'

async function tryOnce<T>(
  pool: Pool,
  statements: Statements,
  observer: Observer,
  isolation: Isolation,
  work: (tx: Transaction) => Promise<T>,
  description: string,
): Promise<Outcome<T>> {
  const asked = performance.now()
  let lease: Lease
  try {
    lease = await pool.exclusive()
  } catch (error) {
    // Waiting for a connection had its own patience: not again.
    return { error, cause: undefined }
  }
  observer.scheduled(performance.now() - asked)

  const { connection, release } = lease
  let isOpen = true
  let firstFailure: StorageError | undefined
  const pending = new Set<Promise<unknown>>()

  const send = <T>(
    text: string,
    params: readonly Param[],
    read: (answer: Answer, text: string) => T,
    script = false,
  ): Promise<T> => {
    if (!isOpen) return Promise.reject(new Error(`${description}: a statement after the end of its transaction`))
    const statement = script ? scriptStatement : statements.of(text)
    const sent = performance.now()
    const answer = (script ? connection.script(text) : connection.send(statement, params)).then(
      (got) => {
        pending.delete(answer)
        observer.statement(statement, performance.now() - sent, got.count, undefined)
        return read(got, text)
      },
      (error: StorageError) => {
        pending.delete(answer)
        firstFailure ??= error
        observer.statement(statement, performance.now() - sent, 0, error)
        throw error
      },
    )
    pending.add(answer)
    // The caller need not await it: its failure shows at the commit.
    answer.catch(() => undefined)
    return answer
  }

  const tx: Transaction = {
    rows: (text, params = []) => send(text, params, ({ rows }) => rows as never[]),
    one: <Row>(text: string, params: readonly Param[] = []) => send(text, params, only<Row>),
    run: (text, params = []) => send(text, params, ({ count }) => count),
    script: (text) => send(text, [], () => undefined, true),
  }

  try {
    // Not awaited: should it fail, the connection is broken, and all that follows fails too.
    const begun = connection.send(begin(statements, isolation), [])
    begun.catch((error: StorageError) => {
      firstFailure ??= error
    })
    const result = await work(tx)
    isOpen = false
    const failedBefore = connection.usable() ? firstFailure : (firstFailure ?? lost(description))
    if (failedBefore !== undefined) {
      await rollBack(connection, statements)
      return { error: failedBefore, cause: failedBefore }
    }
    // Sent behind what is still in flight. If any of that fails, Postgres makes it a rollback, and says so.
    const [committed] = await Promise.allSettled([connection.send(statements.of('commit'), []), ...pending])
    if (committed.status === 'fulfilled' && committed.value.command === 'COMMIT') return { result }
    const cause = whyNotCommitted(committed, firstFailure, description)
    return { error: cause, cause }
  } catch (error) {
    isOpen = false
    await rollBack(connection, statements)
    return { error, cause: firstFailure }
  } finally {
    release()
  }
}

const rollBack = (connection: Connection, statements: Statements) =>
  connection.send(statements.of('rollback'), []).catch(() => undefined)

const lost = (description: string) =>
  new StorageError(`${description}: Connection terminated`, { kind: 'unavailable', tryAgain: true })

function whyNotCommitted(
  committed: PromiseSettledResult<Answer>,
  firstFailure: StorageError | undefined,
  description: string,
): StorageError {
  // What the server said of a statement has a code, and means that all is undone.
  if (firstFailure !== undefined && (firstFailure.kind !== 'unavailable' || firstFailure.code?.length === 5))
    return firstFailure
  if (committed.status === 'fulfilled')
    return (
      firstFailure ?? new StorageError(`${description}: Postgres rolled back and did not say why`, { kind: 'failed' })
    )
  const failure = storageError(committed.reason, description)
  if (failure.kind !== 'unavailable') return failure
  // The connection broke with the commit on its way: it, and all before it, may have been done, and only the answer lost.
  return new StorageError(`${description}: the connection broke while it was committed (${failure.message})`, {
    kind: 'unavailable',
    code: failure.code,
    mayHaveCommitted: true,
  })
}

const scriptStatement: Statement = {
  text: '(script)',
  name: undefined,
  description: 'script',
  verb: 'SCRIPT',
  isRead: false,
}

const begin = (statements: Statements, isolation: Isolation) => statements.of(`begin isolation level ${isolation}`)

/** The row of an answer that has one or none. More is a mistake in the statement. */
export function only<Row>({ rows }: Answer, text: string): Row | undefined {
  if (rows.length > 1) throw new Error(`${rows.length} rows where one was expected: ${text}`)
  return rows[0] as Row | undefined
}
