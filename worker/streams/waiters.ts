/** Who waits until a stream has come somewhere. */

export interface Waiters {
  /** Settles when `wake` has been called with `position` or more; false after `timeoutMs`. */
  readonly wait: (position: number, timeoutMs: number) => Promise<boolean>
  readonly wake: (position: number) => void
  readonly count: () => number
}

export function makeWaiters(): Waiters {
  const waiting = new Set<{ readonly position: number; readonly settle: (reached: boolean) => void }>()
  return {
    wait: (position, timeoutMs) =>
      new Promise((resolve) => {
        const waiter = {
          position,
          settle(reached: boolean) {
            clearTimeout(timer)
            waiting.delete(waiter)
            resolve(reached)
          },
        }
        const timer = setTimeout(() => waiter.settle(false), timeoutMs)
        waiting.add(waiter)
      }),
    wake(position) {
      for (const waiter of waiting) if (waiter.position <= position) waiter.settle(true)
    },
    count: () => waiting.size,
  }
}
