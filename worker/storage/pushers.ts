/** Where users are pushed to (`pushers`), and those that were deleted. Each change has a position in the stream `pushers`. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface PusherName {
  readonly userId: UserId
  readonly appId: string
  readonly pushkey: string
}

export interface PusherRow extends PusherName {
  readonly kind: string
  readonly appDisplayName: string
  readonly deviceDisplayName: string
  readonly profileTag: string
  readonly lang: string | null
  /** JSON as text. */
  readonly data: string
  readonly enabled: boolean
  readonly deviceId: string | null
}

const COLUMNS = `user_name as "userId", app_id as "appId", pushkey, kind, app_display_name as "appDisplayName",
  device_display_name as "deviceDisplayName", profile_tag as "profileTag", lang, coalesce(data, 'null') as data,
  coalesce(enabled, true) as enabled, device_id as "deviceId"`

export const selectPushersOfUser = (db: Queries, userId: UserId) =>
  db.rows<PusherRow>(`select ${COLUMNS} from pushers where user_name = $1 order by id`, [userId])

/** Of an application's instance, whosever they are. */
export const selectPushersOfKey = (db: Queries, appId: string, pushkey: string) =>
  db.rows<PusherRow>(`select ${COLUMNS} from pushers where app_id = $1 and pushkey = $2`, [appId, pushkey])

export interface PusherPosition {
  readonly streamId: number
  readonly instanceName: string
}

/**
 * A new pusher, or the same with other settings: that stays with its device. `now`: milliseconds since 1970. `pushedUpTo`: of
 * events up to that position nothing is pushed.
 */
export const upsertPusher = (
  tx: Queries,
  pusher: PusherRow,
  { streamId, instanceName }: PusherPosition,
  now: number,
  pushedUpTo: number,
) =>
  tx.run(
    `insert into pushers as p (id, instance_name, user_name, app_id, pushkey, kind, app_display_name, device_display_name,
       profile_tag, lang, data, enabled, device_id, ts, last_stream_ordering)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
     on conflict (app_id, pushkey, user_name) do update
     set id = excluded.id, instance_name = excluded.instance_name, kind = excluded.kind,
       app_display_name = excluded.app_display_name, device_display_name = excluded.device_display_name,
       profile_tag = excluded.profile_tag, lang = excluded.lang, data = excluded.data, enabled = excluded.enabled,
       ts = excluded.ts, last_stream_ordering = excluded.last_stream_ordering`,
    [
      streamId,
      instanceName,
      pusher.userId,
      pusher.appId,
      pusher.pushkey,
      pusher.kind,
      pusher.appDisplayName,
      pusher.deviceDisplayName,
      pusher.profileTag,
      pusher.lang,
      pusher.data,
      pusher.enabled,
      pusher.deviceId,
      now,
      pushedUpTo,
    ],
  )

/** Whether there is one or not: it is noted that there is none. */
export const deletePusher = async (
  tx: Queries,
  { userId, appId, pushkey }: PusherName,
  { streamId, instanceName }: PusherPosition,
): Promise<void> => {
  await Promise.all([
    tx.run('delete from pushers where app_id = $1 and pushkey = $2 and user_name = $3', [appId, pushkey, userId]),
    tx.run(
      `insert into deleted_pushers (stream_id, instance_name, app_id, pushkey, user_id) values ($1, $2, $3, $4, $5)`,
      [streamId, instanceName, appId, pushkey, userId],
    ),
  ])
}

/** Whose address it is. */
export async function selectOwnerOfEmail(db: Queries, address: string): Promise<UserId | undefined> {
  const row = await db.one<{ userId: UserId }>(
    `select user_id as "userId" from user_threepids where medium = 'email' and address = $1 limit 1`,
    [address],
  )
  return row?.userId
}

export interface WhichPushers {
  readonly appId?: string
  readonly pushkey?: string
}

/** A user's: all, or those of an app with a key. With the account or the address that they are of; nobody is told. */
export const deletePushers = (db: Queries, userId: UserId, { appId, pushkey }: WhichPushers = {}) =>
  db.run(
    `delete from pushers
     where user_name = $1 and ($2::text is null or app_id = $2) and ($3::text is null or pushkey = $3)`,
    [userId, appId, pushkey],
  )
