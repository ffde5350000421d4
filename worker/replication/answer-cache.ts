/** Answers by transaction: who asks again while it is worked on, or within half an hour, gets the same one. */

export interface AnswerCache<Answer> {
  /** `work` runs once for a key. If it throws, the next who asks runs it again. */
  readonly answer: (key: string, work: () => Promise<Answer>) => Promise<Answer>
}

const KEPT_MS = 30 * 60_000
/** Half an hour of 200 requests a second would be more; who asks again does so within seconds. */
const MAX_KEPT = 50_000

export function makeAnswerCache<Answer>(now: () => number = Date.now): AnswerCache<Answer> {
  /** In the order in which they expire. */
  const kept = new Map<string, { readonly answer: Promise<Answer>; readonly until: number }>()

  const forgetOld = () => {
    const at = now()
    for (const [key, { until }] of kept) {
      if (until > at && kept.size <= MAX_KEPT) return
      kept.delete(key)
    }
  }
  return {
    answer(key, work) {
      forgetOld()
      const known = kept.get(key)
      if (known !== undefined) return known.answer
      const entry = { answer: work(), until: now() + KEPT_MS }
      kept.set(key, entry)
      entry.answer.catch(() => kept.get(key) === entry && kept.delete(key))
      return entry.answer
    },
  }
}
