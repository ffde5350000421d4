/** Users of ours who asked for their data to be erased when their account was deactivated. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

/** Who of these. */
export async function selectErasedUsers(db: Queries, among: readonly UserId[]): Promise<ReadonlySet<UserId>> {
  const rows = await db.rows<{ userId: UserId }>(
    'select user_id as "userId" from erased_users where user_id = any($1)',
    [among],
  )
  return new Set(rows.map(({ userId }) => userId))
}
