/**
 * Requests that are the same and run at the same time: one does the work, as when a client's connection broke and it asks
 * again. Answers are not kept for later: one that is asked for again is made again, from the same token, and nothing of it is
 * lost by that (`lazy-members.ts` counts what a client has confirmed).
 */

export interface InFlight<T> {
  /** `signal`: the client has gone, or is to be answered now. `work` gets a signal that aborts when all who asked have gone; what it answers then is nobody's. */
  readonly share: (
    key: string,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ) => Promise<T>
}

interface Shared<T> {
  readonly answer: Promise<T>
  readonly controller: AbortController
  asking: number
}

export function makeInFlight<T>(): InFlight<T> {
  const running = new Map<string, Shared<T>>()

  return {
    async share(key, signal, work) {
      let shared = running.get(key)
      if (shared === undefined) {
        const controller = new AbortController()
        const answer = work(controller.signal)
        const made: Shared<T> = { answer, controller, asking: 0 }
        shared = made
        running.set(key, made)
        const end = () => {
          if (running.get(key) === made) running.delete(key)
        }
        answer.then(end, end)
      }
      const { answer, controller } = shared
      const mine = shared
      mine.asking++
      const leave = () => {
        mine.asking--
        if (mine.asking > 0) return
        // Who asks now begins anew.
        if (running.get(key) === mine) running.delete(key)
        controller.abort()
      }
      if (signal?.aborted) leave()
      else signal?.addEventListener('abort', leave, { once: true })
      try {
        return await answer
      } finally {
        signal?.removeEventListener('abort', leave)
      }
    },
  }
}
