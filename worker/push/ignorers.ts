/** Who ignores whom, in memory until somebody's list changes. */

import type { UserId } from '../../shared/matrix/ids.ts'
import { makeLru } from '../lru.ts'
import { selectIgnorersOf } from '../storage/account-data.ts'
import type { Queries } from '../storage/db.ts'
import type { CacheInvalidation, LiveStreams } from '../streams/live-streams.ts'

export interface Ignorers {
  /** Our users who ignore that one. */
  readonly of: (ignored: UserId) => Promise<ReadonlySet<string>>
}

export interface IgnorersDeps {
  readonly db: Queries
  readonly streams: Pick<LiveStreams, 'follow'>
  readonly caches: Pick<CacheInvalidation, 'on'>
  readonly maxUsers?: number
}

export const IGNORED_USER_LIST = 'm.ignored_user_list'
const MAX_USERS = 50_000

export function makeIgnorers({ db, streams, caches, maxUsers = MAX_USERS }: IgnorersDeps): Ignorers {
  const known = makeLru<UserId, ReadonlySet<string>>(maxUsers)
  let changes = 0
  streams.follow('account_data', (rows) => {
    // The row does not say who is not ignored any more. Lists change rarely.
    if (!rows.some(({ roomId, type }) => roomId === null && type === IGNORED_USER_LIST)) return
    changes++
    known.clear()
  })
  // A deactivated account ignores nobody.
  caches.on('ignored_by', (keys) => {
    changes++
    if (keys === null) known.clear()
    else known.delete(keys[0] as UserId)
  })
  return {
    async of(ignored) {
      const cached = known.get(ignored)
      if (cached !== undefined) return cached
      const before = changes
      const found = await selectIgnorersOf(db, ignored)
      if (changes === before) known.set(ignored, found)
      return found
    },
  }
}
