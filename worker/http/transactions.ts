/**
 * Idempotency by transaction ID for requests that leave no event behind which would tell (client-server-api, "Transaction
 * identifiers"): `PUT …/sendToDevice/…/{txnId}`. Known to this process alone, as in Synapse; the router sends repetitions to
 * the same one.
 */

import type { Requester } from './requester.ts'

export interface Transactions {
  /**
   * The result of `work` for that path and that device: run once, however often it is asked for at the same time or within
   * half an hour after. What failed is not remembered, and runs anew.
   */
  once<T>(path: string, requester: Requester, work: () => Promise<T>): Promise<T>
  readonly size: number
}

const KEPT_MS = 30 * 60_000

/** @param now milliseconds that never go back */
export function makeTransactions(now: () => number): Transactions {
  /** In the order they began. */
  const results = new Map<string, { readonly result: Promise<unknown>; readonly atMs: number }>()

  function forget(nowMs: number): void {
    for (const [key, { atMs }] of results) {
      if (nowMs - atMs < KEPT_MS) break
      results.delete(key)
    }
  }

  return {
    once<T>(path: string, requester: Requester, work: () => Promise<T>): Promise<T> {
      const nowMs = now()
      forget(nowMs)
      const key = JSON.stringify([path, ...scopeOf(requester)])
      const known = results.get(key)
      if (known !== undefined) return known.result as Promise<T>
      const entry = { result: Promise.resolve().then(work), atMs: nowMs }
      results.set(key, entry)
      entry.result.catch(() => {
        // Unless another run of the same transaction has taken its place since.
        if (results.get(key) === entry) results.delete(key)
      })
      return entry.result
    },
    get size() {
      return results.size
    },
  }
}

/** Whose transaction IDs are one namespace: a device's; of those that have none what comes nearest. */
export function scopeOf({
  isGuest,
  userId,
  appserviceId,
  deviceId,
  accessTokenId,
}: Requester): readonly (string | number)[] {
  if (isGuest) return ['guest', userId]
  if (appserviceId !== undefined) return ['appservice', appserviceId]
  if (deviceId !== undefined) return ['device', userId, deviceId]
  return ['token', accessTokenId ?? userId]
}
