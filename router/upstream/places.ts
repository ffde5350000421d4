/**
 * How many requests of a pool run at a time, and who waits to. Kept by the pool's name across reloads, as workers are by
 * their address: what runs from before a reload takes up its place after it too.
 */

/** Someone who waits for a place. */
export interface Waiter {
  /** A place is yours. */
  admitted(): void
  /** There is another configuration: you wait no longer, and are to see where you belong now. */
  dismissed(): void
}

export interface Limits {
  /** Requests at a time; may be Infinity. */
  readonly concurrency: number
  /** Requests that may wait besides. */
  readonly queue: number
}

export type Taken = 'admitted' | 'queued' | 'full'

export class Places {
  /** Requests admitted and not finished. More than the limit, where a reload lowered it. */
  inFlight = 0
  readonly #queue = new Set<Waiter>()
  #limits: Limits
  /** {@link release} is giving out places. */
  #admitting = false

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** How many wait. */
  get queued(): number {
    return this.#queue.size
  }

  /** A place if there is one free, else one in the queue, where `waiter` is told; or `full`. */
  take(waiter: Waiter): Taken {
    if (this.inFlight < this.#limits.concurrency) {
      this.inFlight++
      return 'admitted'
    }
    if (this.#queue.size >= this.#limits.queue) return 'full'
    this.#queue.add(waiter)
    return 'queued'
  }

  /** A request is finished: those that have waited longest are admitted to the places that are free. */
  release(): void {
    this.inFlight--
    // Who is admitted may leave at once, with an error: the loop that admitted it goes on with the next, as calls within
    // calls would be as deep as the queue is long.
    if (this.#queue.size === 0 || this.#admitting) return
    this.#admitting = true
    try {
      while (this.#queue.size > 0 && this.inFlight < this.#limits.concurrency) {
        const [next] = this.#queue
        this.#queue.delete(next!)
        this.inFlight++
        next!.admitted()
      }
    } finally {
      this.#admitting = false
    }
  }

  /** `waiter` waits no more, of its own accord. */
  leave(waiter: Waiter): void {
    this.#queue.delete(waiter)
  }

  /** Takes other limits. Returns all who waited, in their order; each is to be told {@link Waiter.dismissed}, once all pools have their limits. */
  change(limits: Limits): Waiter[] {
    this.#limits = limits
    const waiting = [...this.#queue]
    this.#queue.clear()
    return waiting
  }
}
