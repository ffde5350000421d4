/**
 * The few connections of a process, shared out. A statement on its own goes to a connection that others use as well (see
 * `connection.ts`: they do not wait for each other's answers to be sent); a transaction has one to itself. One
 * connection of several is never given to a transaction, so that statements get through when all others are taken.
 *
 * `pg`'s own pool gives a connection to one statement at a time, which costs up to twice the CPU, here and in Postgres
 * (`bench/statements.ts`).
 */

import type { Connection } from './connection.ts'
import { StorageError } from './errors.ts'
import type { StorageSettings } from './settings.ts'

export interface Lease {
  readonly connection: Connection
  readonly release: () => void
}

export interface Pool {
  /** A connection for one statement, to be sent at once. A promise only where there is something to wait for. */
  readonly shared: () => Connection | Promise<Connection>
  /** A connection for oneself alone. What others sent before may still be in flight on it. */
  readonly exclusive: () => Promise<Lease>
  /** To be called when a statement was answered: someone may wait for that. */
  readonly answered: () => void
  readonly numbers: () => PoolNumbers
  /** Waits up to `patienceMs` for what runs; then closes all. Who waits for a connection is refused. */
  readonly close: (patienceMs: number) => Promise<void>
}

export interface PoolNumbers {
  readonly open: number
  readonly inTransaction: number
  readonly inFlight: number
  readonly waiting: number
}

/** Connects; calls `onLost` when what it gave breaks. */
export type Open = (onLost: (error: StorageError) => void) => Promise<Connection>

/** Statements in flight on the least loaded connection from which on another connection is opened. */
const CROWDED = 8
/** More than that are never put behind each other. */
const MAX_DEPTH = 64
/** A connection whose oldest statement takes so long is no place to wait behind. */
const STALLED_MS = 20
const BACK_OFF_MS = { first: 50, most: 2_000 }
const HOUSEKEEPING_MS = 5_000
/** What a statement may take beyond the server's own limit before its connection is given up as dead. */
const DEAD_AFTER_MS = 15_000

interface Slot {
  readonly connection: Connection
  isTaken: boolean
  /** When it was last given to someone. */
  usedAt: number
}

interface Waiter {
  readonly resolve: (slot: Slot) => void
  readonly reject: (error: StorageError) => void
  readonly timer: NodeJS.Timeout
}

export function makePool(
  open: Open,
  settings: Pick<StorageSettings, 'connections' | 'acquireTimeoutMs' | 'idleTimeoutMs' | 'statementTimeoutMs'>,
): Pool {
  const slots: Slot[] = []
  const waiters = { shared: [] as Waiter[], exclusive: [] as Waiter[] }
  const mostTaken = Math.max(1, settings.connections - 1)
  let opening = 0
  let taken = 0
  let isClosing = false
  /** Failed attempts to connect in a row. */
  let failures = 0
  let lastFailure: StorageError | undefined
  let retry: NodeJS.Timeout | undefined
  let whenIdle: (() => void) | undefined

  const housekeeping = setInterval(keepHouse, HOUSEKEEPING_MS)
  housekeeping.unref()

  return {
    shared() {
      const slot = isClosing || waiters.shared.length > 0 ? undefined : pickShared()
      if (slot === undefined) return waitFor('shared').then(({ connection }) => connection)
      return slot.connection
    },
    async exclusive() {
      const slot = isClosing || waiters.exclusive.length > 0 ? undefined : pickExclusive()
      const { connection } = slot ?? (await waitFor('exclusive'))
      return { connection, release: once(() => release(connection)) }
    },
    answered: pump,
    numbers: () => ({
      open: slots.length,
      inTransaction: taken,
      inFlight: slots.reduce((sum, { connection }) => sum + connection.inFlight(), 0),
      waiting: waiters.shared.length + waiters.exclusive.length,
    }),
    async close(patienceMs) {
      isClosing = true
      clearInterval(housekeeping)
      clearTimeout(retry)
      refuseAll(new StorageError('storage is closed', { kind: 'unavailable' }))
      if (!isIdle()) {
        const { promise, resolve } = Promise.withResolvers<void>()
        const timer = setTimeout(resolve, patienceMs)
        whenIdle = resolve
        await promise
        clearTimeout(timer)
      }
      await Promise.all(
        slots.splice(0).map(({ connection }) => {
          if (connection.inFlight() > 0) connection.destroy()
          return connection.end()
        }),
      )
    },
  }

  function pickShared(): Slot | undefined {
    const best = leastLoaded()
    const isStalled = best !== undefined && stalled(best)
    if (best === undefined || isStalled || best.connection.inFlight() >= CROWDED) grow()
    if (best === undefined || best.connection.inFlight() >= MAX_DEPTH || (isStalled && opening > 0)) return undefined
    best.usedAt = performance.now()
    return best
  }

  function pickExclusive(): Slot | undefined {
    if (taken >= mostTaken) return undefined
    const best = leastLoaded()
    if (best === undefined || best.connection.inFlight() > 0) grow()
    if (best === undefined || (best.connection.inFlight() > 0 && (opening > 0 || stalled(best)))) return undefined
    best.isTaken = true
    best.usedAt = performance.now()
    taken++
    return best
  }

  function leastLoaded(): Slot | undefined {
    let best: Slot | undefined
    for (const slot of slots)
      if (!slot.isTaken && (best === undefined || slot.connection.inFlight() < best.connection.inFlight())) best = slot
    return best
  }

  /** Opens a connection, unless there are enough, or Postgres was away a moment ago. */
  function grow(): void {
    if (isClosing || retry !== undefined || slots.length + opening >= settings.connections) return
    // As many at once as are waited for, not as many as ask while one is being opened.
    if (opening >= Math.max(1, waiters.shared.length + waiters.exclusive.length)) return
    opening++
    let isLost = false
    let slot: Slot | undefined
    open((error) => {
      isLost = true
      lastFailure = error
      if (slot !== undefined) remove(slot)
    }).then(
      (connection) => {
        opening--
        failures = 0
        if (isClosing || isLost) return void connection.end()
        slot = { connection, isTaken: false, usedAt: performance.now() }
        slots.push(slot)
        pump()
      },
      (error: StorageError) => {
        opening--
        failures++
        lastFailure = error
        if (isClosing) return
        // Those who have a connection to share go on with it.
        if (!error.tryAgain && slots.length === 0) refuseAll(error)
        const most = Math.min(BACK_OFF_MS.most, BACK_OFF_MS.first * 2 ** (failures - 1))
        retry = setTimeout(
          () => {
            retry = undefined
            pump()
          },
          most * (0.5 + Math.random() / 2),
        )
      },
    )
  }

  function waitFor(kind: 'shared' | 'exclusive'): Promise<Slot> {
    const { promise, resolve, reject } = Promise.withResolvers<Slot>()
    if (isClosing) {
      reject(new StorageError('storage is closed', { kind: 'unavailable' }))
      return promise
    }
    const queue = waiters[kind]
    const timer = setTimeout(() => {
      queue.splice(queue.indexOf(waiter), 1)
      reject(tooLong())
    }, settings.acquireTimeoutMs)
    const waiter: Waiter = { resolve, reject, timer }
    queue.push(waiter)
    if (kind === 'shared' || taken < mostTaken) grow()
    return promise
  }

  function tooLong(): StorageError {
    const waited = `after ${settings.acquireTimeoutMs / 1000} s`
    if (slots.length > 0 || lastFailure === undefined) {
      const message = `no connection was free ${waited} (${slots.length} open, ${taken} in transactions)`
      return new StorageError(message, { kind: 'timeout', tryAgain: true })
    }
    return new StorageError(`no connection ${waited}: ${lastFailure.message}`, {
      kind: lastFailure.kind,
      code: lastFailure.code,
      tryAgain: lastFailure.tryAgain,
    })
  }

  function pump(): void {
    if (isClosing) {
      if (isIdle()) whenIdle?.()
      return
    }
    serve(waiters.exclusive, pickExclusive)
    serve(waiters.shared, pickShared)
  }

  function serve(queue: Waiter[], pick: () => Slot | undefined): void {
    while (queue.length > 0) {
      const slot = pick()
      if (slot === undefined) return
      const waiter = queue.shift()!
      clearTimeout(waiter.timer)
      waiter.resolve(slot)
    }
  }

  function release(connection: Connection): void {
    const slot = slots.find((candidate) => candidate.connection === connection)
    if (slot?.isTaken) {
      slot.isTaken = false
      taken--
    }
    pump()
  }

  function remove(slot: Slot): void {
    const index = slots.indexOf(slot)
    if (index === -1) return
    slots.splice(index, 1)
    if (slot.isTaken) taken--
    pump()
  }

  function refuseAll(error: StorageError): void {
    for (const { reject, timer } of [...waiters.shared.splice(0), ...waiters.exclusive.splice(0)]) {
      clearTimeout(timer)
      reject(error)
    }
  }

  function isIdle(): boolean {
    return taken === 0 && slots.every(({ connection }) => connection.inFlight() === 0)
  }

  function keepHouse(): void {
    const now = performance.now()
    const { statementTimeoutMs } = settings
    for (const slot of [...slots]) {
      const { connection } = slot
      const since = connection.waitingSince()
      if (since !== undefined) {
        // The server should have ended the statement. It does not answer: the network, or its machine, is gone.
        if (statementTimeoutMs > 0 && now - since > statementTimeoutMs + DEAD_AFTER_MS) connection.destroy()
      } else if (!slot.isTaken && slots.length > 1 && now - slot.usedAt > settings.idleTimeoutMs) {
        remove(slot)
        void connection.end()
      }
    }
  }
}

const stalled = ({ connection }: Slot): boolean => {
  const since = connection.waitingSince()
  return since !== undefined && performance.now() - since > STALLED_MS
}

function once(work: () => void): () => void {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    work()
  }
}
