/**
 * A request's way to a worker: its place in the pool or in the queue for one, the choice of the worker, an idle connection
 * or a new one, and another attempt where the one before failed. One for each client connection.
 */

import { performance } from 'node:perf_hooks'
import type { Replay } from '../../shared/endpoints/types.ts'
import { methodBit } from '../routing/method.ts'
import type { Waiter } from '../upstream/places.ts'
import type { Exchange } from './exchange.ts'
import { type Gateway, replayOf, type UpstreamPool, type UpstreamWorker } from './gateway.ts'
import { type Refusal, refusals } from './refusal.ts'
import { decideAgain } from './request.ts'
import { UpstreamConnection } from './upstream-connection.ts'

/** Who has the request. */
export interface Dispatcher {
  /** Here is the connection to send it on. */
  send(upstream: UpstreamConnection): void
  /** Nothing can be sent for now; at `until` the dispatcher is to see what is to be done. */
  wait(until: number): void
  /** There is no worker for it. */
  refuse(refusal: Refusal): void
}

/** A request is sent at most so often. */
const MAX_ATTEMPTS = 4
/** A long poll that was with a worker for so long has outlived whatever was wrong with those before it. */
const FORGET_MS = 500
/** But one that ends each worker it is sent to must not go on for ever. */
const MAX_POLL_ATTEMPTS = 10

export class Dispatch implements Waiter {
  readonly #gateway: Gateway
  readonly #exchange: Exchange
  readonly #dispatcher: Dispatcher
  /** Waits for a place in `exchange.pool`. */
  queued = false
  /** The request's own pool, while another, a fallback, serves it. */
  #home: UpstreamPool | null = null
  #tried: UpstreamWorker[] | null = null
  /** Attempts that no longer count. */
  #forgiven = 0
  /** The one worker that may get the request again. */
  #pinned: UpstreamWorker | null = null
  #cancelConnect: (() => void) | null = null
  #connectUntil = 0
  #sentAt = 0

  constructor(gateway: Gateway, exchange: Exchange, dispatcher: Dispatcher) {
    this.#gateway = gateway
    this.#exchange = exchange
    this.#dispatcher = dispatcher
  }

  /** It was sent as often as it may be. */
  get #exhausted(): boolean {
    const { attempts } = this.#exchange
    return attempts - this.#forgiven >= MAX_ATTEMPTS || attempts >= MAX_POLL_ATTEMPTS
  }

  /** Sends the exchange's request to a worker of its route's pool: takes a place there, or in the queue. */
  begin(): void {
    this.#pinned = null
    this.#tried = null
    const { pool } = this.#exchange.route!
    const taken = pool.places.take(this)
    if (taken === 'full') {
      this.#dispatcher.refuse(refusals.queueFull)
      return
    }
    this.#exchange.pool = pool
    if (taken === 'admitted') this.#choose()
    else this.#wait(this.#exchange.startedAt + pool.config.timeouts.queueMs)
  }

  admitted(): void {
    this.queued = false
    this.#choose()
  }

  dismissed(): void {
    this.queued = false
    this.#exchange.pool = null
    this.#leaveHome()
    decideAgain(this.#exchange, this.#gateway)
    this.begin()
  }

  /** Chooses a worker and sends it the request. */
  #choose(): void {
    const exchange = this.#exchange
    const { now } = this.#gateway
    const pool = exchange.pool!
    let worker = pool.pick(exchange.keyHash, now, this.#tried)
    if (worker === undefined && !pool.config.strict && !this.#exhausted) {
      const fallen = this.#fallBack(pool)
      if (fallen === 'full') this.#dispatcher.refuse(refusals.queueFull)
      if (fallen !== 'none') return
    }
    worker ??= pool.pickDown(exchange.keyHash, now, this.#tried)
    if (worker === undefined || this.#exhausted) this.#dispatcher.refuse(refusals.noWorker)
    else this.#sendTo(worker, pool)
  }

  /**
   * Goes to the first fallback of `pool` that has a worker and a place, or room in its queue. `full`: none has, but for their
   * workers they could; `none`: no fallback has a worker.
   */
  #fallBack(pool: UpstreamPool): 'gone' | 'full' | 'none' {
    let found: 'full' | 'none' = 'none'
    for (const fallback of pool.fallback) {
      const worker = fallback.pick(this.#exchange.keyHash, this.#gateway.now, this.#tried)
      if (worker === undefined) continue
      const taken = fallback.places.take(this)
      if (taken === 'full') {
        found = 'full'
        continue
      }
      // The place in the request's own pool is kept: its concurrency is there to spare the workers, and those of a
      // fallback need that most.
      if (this.#home === null) this.#home = pool
      else pool.places.release()
      this.#exchange.pool = fallback
      if (taken === 'admitted') this.#sendTo(worker, fallback)
      else this.#wait(this.#gateway.now + fallback.config.timeouts.queueMs)
      return 'gone'
    }
    return found
  }

  #wait(until: number): void {
    this.queued = true
    this.#connectUntil = 0
    this.#dispatcher.wait(until)
  }

  #sendTo(worker: UpstreamWorker, pool: UpstreamPool): void {
    this.#exchange.attempts++
    this.#exchange.worker = worker
    worker.inFlight++
    const idle = worker.takeIdle(this.#gateway.now)
    if (idle === undefined) this.#connect(worker, pool)
    else {
      this.#gateway.telling.reused(pool, worker)
      this.#send(idle)
    }
  }

  #connect(worker: UpstreamWorker, pool: UpstreamPool): void {
    const { now, telling } = this.#gateway
    const { connectMs } = pool.config.timeouts
    if (this.#connectUntil === 0) this.#connectUntil = now + connectMs
    // Half the time for the first, so that another worker can still be tried within the pool's connect timeout.
    const others = pool.members.length > (this.#tried?.length ?? 0) + 1
    const left = Math.max(50, this.#connectUntil - now)
    this.#dispatcher.wait(Number.POSITIVE_INFINITY)
    this.#cancelConnect = worker.connect(others ? left / 2 : left, (error, makeWire) => {
      this.#cancelConnect = null
      this.#gateway.now = performance.now()
      if (error === null) {
        telling.connected(pool, worker)
        this.#send(new UpstreamConnection(makeWire!, worker))
      } else {
        telling.connectFailed(pool, worker)
        this.#connectFailed(worker, error)
      }
    })
  }

  #connectFailed(worker: UpstreamWorker, error: string): void {
    this.#leaveWorker()
    if (error === 'EMFILE' || error === 'ENFILE') {
      // We are out of file descriptors: that is no fault of the worker's.
      this.#dispatcher.refuse(refusals.noWorker)
      return
    }
    worker.failed(error, true)
    this.#try(worker)
    if (this.#pinned === null)
      this.#choose() // nothing was sent: any other worker may have it
    else this.#dispatcher.refuse(refusals.upstreamFailed)
  }

  #try(worker: UpstreamWorker): void {
    this.#tried ??= []
    this.#tried.push(worker)
  }

  #send(upstream: UpstreamConnection): void {
    this.#connectUntil = 0
    this.#sentAt = this.#gateway.now
    this.#dispatcher.send(upstream)
  }

  /**
   * The worker did not answer: sends the request again if it is `whole`, was kept, and its endpoint allows it. False: no
   * worker has it any more. `gateway.now` must be right.
   */
  again(whole: boolean): boolean {
    const exchange = this.#exchange
    const pool = exchange.pool!
    const worker = this.#leaveWorker()
    if (exchange.polls && this.#gateway.now - this.#sentAt > FORGET_MS) {
      this.#tried = null
      this.#forgiven = exchange.attempts - 1
    }
    if (!whole || exchange.request === null || this.#exhausted) return false
    const replay = this.#replay(exchange.request)
    if (replay === 'never') return false
    this.#gateway.telling.retried(exchange)
    if (replay === 'same') {
      this.#pinned = worker
      this.#sendTo(worker, pool)
      return true
    }
    // With no other worker to ask, a fresh connection to the same one may do.
    if (pool.members.length > 1 && !pool.config.strict) this.#try(worker)
    this.#choose()
    return true
  }

  /** Whether, and to whom, `request` may be sent again after a worker did not answer it. */
  #replay(request: string): Replay {
    const { method, route, attempts } = this.#exchange
    const bytes = Buffer.from(request, 'latin1')
    const start = method.length + 1
    const end = bytes.indexOf(0x20, start)
    const endpoint = route!.endpoint ?? this.#gateway.snapshot.endpoint(bytes, start, end, methodBit(method))
    const replay = replayOf(endpoint, method)
    return replay === 'same' && attempts > 1 ? 'never' : replay
  }

  #leaveWorker(): UpstreamWorker {
    const worker = this.#exchange.worker!
    worker.inFlight--
    this.#exchange.worker = null
    return worker
  }

  /** The request is over, whatever way: gives back its place, and lets go of its worker. */
  end(): void {
    this.#cancelConnect?.()
    this.#cancelConnect = null
    this.#connectUntil = 0
    const { pool, worker } = this.#exchange
    if (worker !== null) this.#leaveWorker()
    this.#forgiven = 0
    this.#exchange.pool = null
    if (pool === null) return
    if (this.queued) {
      this.queued = false
      pool.places.leave(this)
    } else pool.places.release()
    this.#leaveHome()
  }

  #leaveHome(): void {
    const home = this.#home
    this.#home = null
    home?.places.release()
  }
}
