/** A pool: the workers that may serve some routes, and which of them serves a request. */

import { NO_KEY } from '../balancing/key.ts'
import { draw, hashText } from '../balancing/ring.ts'
import type { PoolConfig } from '../config/types.ts'
import type { Places } from './places.ts'

/** A worker may have this many times the average load of its pool before keys spill over to their next choice. */
const BOUNDED_LOAD_FACTOR = 1.25
/** Below this many requests in flight a worker is never too loaded: sticking is worth more than evenness. */
const BOUNDED_LOAD_FLOOR = 16

/** What a pool asks of a worker. */
export interface PoolWorker {
  readonly up: boolean
  readonly inFlight: number
  /** The share of its usual load that it may take now, to 1. */
  ramp(now: number): number
}

export interface Member<W extends PoolWorker> {
  readonly worker: W
  readonly weight: number
  readonly seed: number
  readonly drain: boolean
  /** Row of its metrics in this pool. */
  readonly series: number
}

export class Pool<W extends PoolWorker> {
  readonly name: string
  readonly config: PoolConfig
  readonly members: readonly Member<W>[]
  /** Filled once all pools exist. */
  fallback: readonly Pool<W>[] = []
  /** Its own across reloads; the pool itself is another in each snapshot. */
  readonly places: Places
  readonly #totalWeight: number
  /** Where the search for the least loaded begins, so that equals take turns. */
  #turn = 0

  /** Row of its metrics. */
  readonly series: number
  readonly #seriesOf = new Map<W, number>()

  /** `workers` in the order of `config.workers`; `series`: rows of the pool's metrics and of each worker's. */
  constructor(
    config: PoolConfig,
    workers: readonly W[],
    places: Places,
    series: { pool: number; workers: readonly number[] },
  ) {
    this.name = config.name
    this.places = places
    this.config = config
    this.series = series.pool
    this.members = config.workers.map((worker, index) => ({
      worker: workers[index]!,
      weight: worker.weight,
      seed: hashText(worker.name),
      drain: worker.drain,
      series: series.workers[index]!,
    }))
    for (const member of this.members) this.#seriesOf.set(member.worker, member.series)
    this.#totalWeight = this.members.reduce((sum, member) => sum + (member.drain ? 0 : member.weight), 0)
  }

  /**
   * The worker for a request: the key's owner, or without a key the least loaded. Workers that are down, drained or in
   * `tried` are passed over, and without `strict` also those that have more than their share of the load. Undefined: none
   * is left; of a strict pool, the owner is not to be had.
   */
  pick(keyHash: number, now: number, tried: readonly W[] | null): W | undefined {
    return this.config.strict && keyHash !== NO_KEY
      ? this.#owner(keyHash, tried)
      : this.#pick(keyHash, now, tried, true)
  }

  /** As {@link pick}, of workers that are thought to be down: the last resort, since what is thought may be out of date. */
  pickDown(keyHash: number, now: number, tried: readonly W[] | null): W | undefined {
    return this.config.strict && keyHash !== NO_KEY
      ? this.#owner(keyHash, tried)
      : this.#pick(keyHash, now, tried, false)
  }

  /** Row of a member's metrics. */
  workerSeries(worker: W): number {
    return this.#seriesOf.get(worker)!
  }

  #owner(keyHash: number, tried: readonly W[] | null): W | undefined {
    let best: W | undefined
    let lowest = Number.POSITIVE_INFINITY
    for (const member of this.members) {
      const drawn = draw(keyHash, member.seed, member.weight)
      if (drawn < lowest && !member.drain) {
        lowest = drawn
        best = member.worker
      }
    }
    return best !== undefined && tried?.includes(best) ? undefined : best
  }

  #pick(keyHash: number, now: number, tried: readonly W[] | null, up: boolean): W | undefined {
    let total = 1
    if (keyHash !== NO_KEY) for (const { worker } of this.members) total += worker.inFlight
    const share = (BOUNDED_LOAD_FACTOR * total) / this.#totalWeight
    let best: W | undefined
    let lowest = Number.POSITIVE_INFINITY
    let overloaded: W | undefined
    let lowestOverloaded = Number.POSITIVE_INFINITY
    const count = this.members.length
    const first = keyHash === NO_KEY ? this.#turn++ % count : 0
    for (let i = 0; i < count; i++) {
      const { worker, weight, seed, drain } = this.members[(first + i) % count]!
      if (drain || worker.up !== up || tried?.includes(worker)) continue
      if (keyHash === NO_KEY) {
        const load = (worker.inFlight + 1) / (weight * worker.ramp(now))
        if (load < lowest) {
          lowest = load
          best = worker
        }
        continue
      }
      const drawn = draw(keyHash, seed, weight)
      if (worker.inFlight < Math.max(BOUNDED_LOAD_FLOOR, share * weight) * worker.ramp(now)) {
        if (drawn < lowest) {
          lowest = drawn
          best = worker
        }
      } else if (drawn < lowestOverloaded) {
        lowestOverloaded = drawn
        overloaded = worker
      }
    }
    return best ?? overloaded
  }
}
