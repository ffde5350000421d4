/** Filters that users have uploaded, by a number of their own. */

import { localpartOf, type UserId } from '../../shared/matrix/ids.ts'
import type { Db, Queries } from './db.ts'

/**
 * The number of a filter: that of an equal one, if the user has it. `filterJson` is canonical JSON, so that equal filters
 * are equal texts.
 */
export const insertFilter = (db: Db, userId: UserId, filterJson: string): Promise<number> =>
  db.transaction('read committed', async function insertUserFilter(tx) {
    const json = Buffer.from(filterJson)
    // Two requests of a user that want the same number: one waits for the other.
    const locked = tx.run("select pg_advisory_xact_lock(hashtextextended('user_filters ' || $1, 0))", [userId])
    const known = tx.one<{ id: number }>(
      'select min(filter_id) as id from user_filters where full_user_id = $1 and filter_json = $2 having count(*) > 0',
      [userId, json],
    )
    await locked
    const { id } =
      (await known) ??
      (await tx.one<{ id: number }>(
        `insert into user_filters (user_id, full_user_id, filter_id, filter_json)
         select $1, $2, coalesce(max(filter_id) + 1, 0), $3 from user_filters where full_user_id = $2
         returning filter_id as id`,
        [localpartOf(userId), userId, json],
      ))!
    return id
  })

/** JSON as text; undefined if the user has no filter of that number. */
export async function selectFilter(db: Queries, userId: UserId, filterId: number): Promise<string | undefined> {
  const row = await db.one<{ json: Buffer }>(
    'select filter_json as json from user_filters where full_user_id = $1 and filter_id = $2',
    [userId, filterId],
  )
  return row?.json.toString()
}
