/** Whom users ignore (client-server-api, "Ignoring Users"), in memory until their account data says otherwise. */

import type { UserId } from '../../shared/matrix/ids.ts'
import { selectIgnoredUsers } from '../storage/account-data.ts'
import type { Queries } from '../storage/db.ts'
import type { CacheInvalidation, LiveStreams } from '../streams/live-streams.ts'
import { makePatchedCache } from './patched-cache.ts'

export interface IgnoredUsers {
  /** At once, if it is known. */
  readonly of: (userId: UserId) => ReadonlySet<UserId> | Promise<ReadonlySet<UserId>>
}

export interface IgnoredUsersDeps {
  readonly db: Queries
  readonly streams: Pick<LiveStreams, 'follow'>
  readonly caches: Pick<CacheInvalidation, 'on'>
}

const MAX_USERS = 50_000

/** To be made before the process is connected. */
export function makeIgnoredUsers({ db, streams, caches }: IgnoredUsersDeps): IgnoredUsers {
  const ignored = makePatchedCache<UserId, never, ReadonlySet<UserId>>({
    load: (userId) => selectIgnoredUsers(db, userId),
    patch: async (_userId, value) => value,
    weightOf: ({ size }) => size,
    maxWeight: MAX_USERS,
  })
  streams.follow('account_data', (rows) => {
    for (const { userId, roomId, type } of rows)
      if (roomId === null && type === 'm.ignored_user_list') ignored.forget(userId as UserId)
  })
  // A deactivated account ignores nobody.
  caches.on('ignored_users', (keys) => (keys === null ? ignored.clear() : ignored.forget(keys[0] as UserId)))
  return { of: ignored.get }
}
