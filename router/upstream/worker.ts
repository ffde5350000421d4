/** A worker process as the router knows it: one for each address, whatever number of pools it is in, across reloads. */

import { lookup } from 'node:dns'
import { isIP } from 'node:net'
import { performance } from 'node:perf_hooks'
import type { Address } from '../../shared/config/address.ts'
import { connectWire, type Wire, type WireOwner } from '../forward/wire.ts'

/** A connection that has no request now and may take the next. */
export interface IdleConnection {
  close(): void
  /** {@link performance.now} when it became idle. */
  idleSince: number
}

/** Synapse (Twisted) closes a connection after 60 s without a request; we do so well before, so as not to meet it in the act. */
export const MAX_IDLE_MS = 45_000
/** More than a burst leaves behind; the rest are closed at once. */
const MAX_IDLE_CONNECTIONS = 256
/** Failures in a row, other than refused connections, after which a worker is taken to be down. */
const FAILURES_TO_EJECT = 3
/** How long a restarted worker's share of load grows back to the whole. */
const SLOW_START_MS = 10_000

export class Worker<Connection extends IdleConnection = IdleConnection> {
  readonly name: string
  readonly address: Address
  /** Answers, as far as is known. */
  up = true
  /** Requests sent, or being sent, that are not finished. */
  inFlight = 0
  readonly idle: Connection[] = []
  /** Why it is down, for people. */
  reason = ''
  #failures = 0
  #upSince = Number.NEGATIVE_INFINITY
  /** Told when it goes down or comes back. */
  onChange: (worker: Worker<Connection>) => void = () => {}

  constructor(name: string, address: Address) {
    this.name = name
    this.address = address
  }

  /** The last idle connection that is not about to be closed by the other side. */
  takeIdle(now: number): Connection | undefined {
    const connection = this.idle.pop()
    if (connection === undefined || now - connection.idleSince < MAX_IDLE_MS) return connection
    connection.close() // the rest are older still
    for (const older of this.idle.splice(0)) older.close()
    return undefined
  }

  /** Keeps a connection for the next request, or closes it if there are plenty. */
  giveIdle(connection: Connection): void {
    if (this.idle.length < MAX_IDLE_CONNECTIONS) this.idle.push(connection)
    else connection.close()
  }

  forget(connection: Connection): void {
    const index = this.idle.lastIndexOf(connection)
    if (index >= 0) this.idle.splice(index, 1)
  }

  /** Closes idle connections older than {@link MAX_IDLE_MS}; all of them if `now` is Infinity. */
  closeIdle(now: number): void {
    let old = 0
    while (old < this.idle.length && now - this.idle[old]!.idleSince >= MAX_IDLE_MS) old++
    if (old > 0) for (const connection of this.idle.splice(0, old)) connection.close()
  }

  /** A request was answered: whatever failed before is over. */
  succeeded(): void {
    this.#failures = 0
  }

  /** A request failed. `refused`: nobody listens there, which needs no second proof. */
  failed(reason: string, refused: boolean): void {
    if (refused || ++this.#failures >= FAILURES_TO_EJECT) this.markDown(reason)
  }

  markDown(reason: string): void {
    this.reason = reason
    if (!this.up) return
    this.up = false
    this.onChange(this)
  }

  markUp(): void {
    this.#failures = 0
    if (this.up) return
    this.up = true
    this.reason = ''
    this.#upSince = performance.now()
    this.onChange(this)
  }

  /** The share of its usual load that it may take `now`: 0.1 rising to 1 in the ten seconds after it came back. */
  ramp(now: number): number {
    const since = now - this.#upSince
    return since >= SLOW_START_MS ? 1 : Math.max(0.1, since / SLOW_START_MS)
  }

  /**
   * Connects, trying each address that the host name has now, within `timeoutMs` in all. Calls `done` once: with an error
   * text, or with what makes the wire. Returns a function that gives up.
   */
  connect(timeoutMs: number, done: (error: string | null, makeWire?: (owner: WireOwner) => Wire) => void): () => void {
    const { address } = this
    if (address.kind === 'unix') return connectWire({ path: address.path }, timeoutMs, done)
    if (isIP(address.host)) return connectWire({ ip: address.host, port: address.port }, timeoutMs, done)
    const until = performance.now() + timeoutMs
    let giveUp = () => {}
    let stopped = false
    // A resolver that does not answer takes its own time, and there is no way to call it back.
    const tooSlow = setTimeout(() => {
      stopped = true
      done('the resolver did not answer in time')
    }, timeoutMs)
    lookup(address.host, { all: true }, (error, addresses) => {
      if (stopped) return
      clearTimeout(tooSlow)
      const attempt = (index: number) => {
        giveUp = connectWire(
          { ip: addresses[index]!.address, port: address.port },
          Math.max(1, until - performance.now()),
          (failure, makeWire) => {
            if (failure !== null && index + 1 < addresses.length) attempt(index + 1)
            else done(failure, makeWire)
          },
        )
      }
      if (error || addresses.length === 0) done(error?.code ?? 'ENOTFOUND')
      else attempt(0)
    })
    return () => {
      stopped = true
      clearTimeout(tooSlow)
      giveUp()
    }
  }
}
