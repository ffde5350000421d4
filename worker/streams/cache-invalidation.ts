/** The stream `caches`: every process writes it, in the transactions that make entries stale. */

import { insertCacheInvalidations } from '../storage/cache-invalidation.ts'
import type { Db, Transaction } from '../storage/db.ts'
import { StorageError } from '../storage/postgres/errors.ts'
import type { Reserve } from './id-generator.ts'
import type { LiveStream } from './live-stream.ts'
import type { CacheInvalidation } from './live-streams.ts'

export interface CacheInvalidationDeps {
  readonly db: Db
  readonly stream: LiveStream<'caches'>
  readonly instance: string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

interface Stale {
  readonly cacheFunc: string
  readonly keys: readonly string[] | null
}

export function makeCacheInvalidation({ db, stream, instance, now }: CacheInvalidationDeps): CacheInvalidation {
  const forgetters = new Map<string, ((keys: readonly unknown[] | null) => void)[]>()
  const forget = (cacheFunc: string, keys: readonly unknown[] | null) => {
    for (const forgetEntry of forgetters.get(cacheFunc) ?? []) forgetEntry(keys)
  }
  stream.listen((rows) => {
    for (const { cacheFunc, keys } of rows) forget(cacheFunc, keys)
  })

  return {
    async transaction(description, work) {
      let stale: Stale[] = []
      const forgetAll = () => {
        for (const { cacheFunc, keys } of stale) forget(cacheFunc, keys)
      }
      const attempt = async (tx: Transaction, reserve: Reserve) => {
        stale = []
        const result = await work(tx, (cacheFunc, keys) => stale.push({ cacheFunc, keys: keys?.map(String) ?? null }))
        if (stale.length === 0) return { result, rows: [] }
        const ids = await reserve(tx, stale.length)
        const invalidationTs = now()
        await insertCacheInvalidations(
          tx,
          instance,
          stale.map((entry, index) => ({ ...entry, streamId: ids[index]!, invalidationTs })),
        )
        return { result, rows: stale.map((entry, index) => [ids[index]!, [{ ...entry, invalidationTs }]] as const) }
      }
      return stream.writeWithin(async (reserve) => {
        try {
          const written = await db.transaction('read committed', (tx) => attempt(tx, reserve), description)
          // At once, and again when it is the turn of its ID: it does no harm to forget twice.
          forgetAll()
          return written
        } catch (error) {
          if (error instanceof StorageError && error.mayHaveCommitted) forgetAll()
          throw error
        }
      })
    },
    on(cacheFunc, forgetEntry) {
      forgetters.set(cacheFunc, [...(forgetters.get(cacheFunc) ?? []), forgetEntry])
    },
  }
}
