/** Where users are told of events, beside their clients' syncs. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface WhichPushers {
  readonly appId?: string
  readonly pushkey?: string
}

/** A user's: all, or those of an app with a key. */
export const deletePushers = (db: Queries, userId: UserId, { appId, pushkey }: WhichPushers = {}) =>
  db.run(
    `delete from pushers
     where user_name = $1 and ($2::text is null or app_id = $2) and ($3::text is null or pushkey = $3)`,
    [userId, appId, pushkey],
  )
