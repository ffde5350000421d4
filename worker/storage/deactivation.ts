/** What is left of a user when the account is deactivated: as little as can be. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

/** Account data, push rules, who was ignored, thread subscriptions, key backups, the entry in the directory of users. In one transaction. */
export async function deleteUserData(tx: Queries, userId: UserId): Promise<{ readonly ignored: readonly UserId[] }> {
  const [ignored] = await Promise.all([
    tx.rows<{ userId: UserId }>(
      'delete from ignored_users where ignorer_user_id = $1 returning ignored_user_id as "userId"',
      [userId],
    ),
    tx.run('delete from account_data where user_id = $1', [userId]),
    tx.run('delete from room_account_data where user_id = $1', [userId]),
    tx.run('delete from push_rules where user_name = $1', [userId]),
    tx.run('delete from push_rules_enable where user_name = $1', [userId]),
    tx.run('delete from push_rules_stream where user_id = $1', [userId]),
    tx.run('delete from thread_subscriptions where user_id = $1', [userId]),
    tx.run('delete from e2e_room_keys where user_id = $1', [userId]),
    tx.run('delete from e2e_room_keys_versions where user_id = $1', [userId]),
  ])
  return { ignored: ignored.map((row) => row.userId) }
}

/** Nobody finds them any more. In one transaction. */
export const deleteFromUserDirectory = (tx: Queries, userId: UserId) =>
  Promise.all([
    tx.run('delete from user_directory where user_id = $1', [userId]),
    tx.run('delete from user_directory_search where user_id = $1', [userId]),
    tx.run('delete from users_in_public_rooms where user_id = $1', [userId]),
    tx.run('delete from users_who_share_private_rooms where user_id = $1 or other_user_id = $1', [userId]),
  ])

export const deleteProfile = (tx: Queries, userId: UserId) =>
  tx.run('delete from profiles where full_user_id = $1', [userId])

/** What they wrote is shown to nobody who could not see it before. */
export const insertErasedUser = (tx: Queries, userId: UserId) =>
  tx.run(
    'insert into erased_users (user_id) select $1 where not exists (select from erased_users where user_id = $1)',
    [userId],
  )

/** They are to leave their rooms. */
export const insertPendingDeactivation = (tx: Queries, userId: UserId) =>
  tx.run(
    `insert into users_pending_deactivation (user_id)
     select $1 where not exists (select from users_pending_deactivation where user_id = $1)`,
    [userId],
  )

export const deletePendingDeactivation = (db: Queries, userId: UserId) =>
  db.run('delete from users_pending_deactivation where user_id = $1', [userId])

/** `limit` of them at most. */
export const selectPendingDeactivations = (db: Queries, limit: number) =>
  db.rows<{ readonly userId: UserId }>(
    'select distinct user_id as "userId" from users_pending_deactivation order by 1 limit $1',
    [limit],
  )
