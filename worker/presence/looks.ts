/** Looks at users when their time has come: one timer for all, and none while there is nobody. */

import type { UserId } from '../../shared/matrix/ids.ts'

export interface Looks {
  /** At that time, or before if that was asked for earlier. In ms since 1970; Infinity: not for this. */
  readonly at: (userId: UserId, atMs: number) => void
  readonly close: () => void
}

export interface LooksOptions {
  /** Some at once, whose time has come. */
  readonly look: (userIds: readonly UserId[]) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Times are rounded up to this. */
  readonly resolutionMs: number
}

/** What a timer can do is 24 days. */
const MAX_TIMEOUT_MS = 86_400_000

export function makeLooks({ look, now, resolutionMs }: LooksOptions): Looks {
  /** By time, in steps of the resolution. */
  const steps = new Map<number, Set<UserId>>()
  const stepOf = new Map<UserId, number>()
  let timer: { readonly step: number; readonly timeout: NodeJS.Timeout } | undefined

  const arm = (step: number) => {
    if (timer !== undefined && timer.step <= step) return
    clearTimeout(timer?.timeout)
    const ms = Math.min(Math.max(0, step * resolutionMs - now()), MAX_TIMEOUT_MS)
    timer = { step, timeout: setTimeout(fire, ms).unref() }
  }

  const fire = () => {
    timer = undefined
    const current = Math.floor(now() / resolutionMs)
    const due: UserId[] = []
    for (const [step, userIds] of steps) {
      if (step > current) continue
      steps.delete(step)
      for (const userId of userIds) {
        stepOf.delete(userId)
        due.push(userId)
      }
    }
    if (due.length > 0) look(due)
    if (steps.size > 0) arm(Math.min(...steps.keys()))
  }

  return {
    at(userId, atMs) {
      if (atMs === Number.POSITIVE_INFINITY) return
      // Not before the time is over.
      const step = Math.floor(atMs / resolutionMs) + 1
      const known = stepOf.get(userId)
      if (known !== undefined) {
        if (known <= step) return
        const there = steps.get(known)
        if (there?.delete(userId) && there.size === 0) steps.delete(known)
      }
      stepOf.set(userId, step)
      const there = steps.get(step)
      if (there === undefined) steps.set(step, new Set([userId]))
      else there.add(userId)
      arm(step)
    },
    close() {
      clearTimeout(timer?.timeout)
      steps.clear()
      stepOf.clear()
    },
  }
}
