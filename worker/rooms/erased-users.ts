/** Whose data were erased: in memory, for the senders of events. */

import type { UserId } from '../../shared/matrix/ids.ts'
import { makeLru } from '../lru.ts'
import type { Queries } from '../storage/db.ts'
import { selectErasedUsers } from '../storage/erased-users.ts'
import type { CacheInvalidation } from '../streams/live-streams.ts'

export interface ErasedUsers {
  /** Who of these. At once, if all are known; else one statement for all that are not. */
  readonly among: (userIds: ReadonlySet<UserId>) => ReadonlySet<UserId> | Promise<ReadonlySet<UserId>>
}

export interface ErasedUsersDeps {
  readonly db: Queries
  readonly caches: Pick<CacheInvalidation, 'on'>
}

const MAX_USERS = 100_000
const NOBODY: ReadonlySet<UserId> = new Set()

/** To be made before the process is connected. */
export function makeErasedUsers({ db, caches }: ErasedUsersDeps): ErasedUsers {
  const isErased = makeLru<UserId, boolean>(MAX_USERS)
  let changes = 0
  caches.on('is_user_erased', (keys) => {
    changes++
    if (keys === null) isErased.clear()
    else isErased.delete(keys[0] as UserId)
  })

  const readRest = async (known: readonly UserId[], unknown: readonly UserId[]): Promise<ReadonlySet<UserId>> => {
    const before = changes
    const erased = await selectErasedUsers(db, unknown)
    // Something changed while this was read, and it cannot be told on which side of it the reading was.
    if (changes === before) for (const userId of unknown) isErased.set(userId, erased.has(userId))
    return new Set([...known, ...erased])
  }

  return {
    among(userIds) {
      let erased: UserId[] | undefined
      let unknown: UserId[] | undefined
      for (const userId of userIds) {
        const is = isErased.get(userId)
        if (is === undefined) unknown = [...(unknown ?? []), userId]
        else if (is) erased = [...(erased ?? []), userId]
      }
      if (unknown !== undefined) return readRest(erased ?? [], unknown)
      return erased === undefined ? NOBODY : new Set(erased)
    },
  }
}
