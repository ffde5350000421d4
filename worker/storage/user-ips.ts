/** From where users were seen, with which token. */

import type { UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface UserIpRow {
  readonly userId: UserId
  readonly accessToken: string
  readonly ip: string
  readonly userAgent: string
  readonly deviceId: string | null
  readonly lastSeenMs: number
}

/** Many at once: each user, token and address at most once among them. */
export const upsertUserIps = (db: Queries, rows: readonly UserIpRow[]) =>
  db.run(
    `insert into user_ips (user_id, access_token, ip, user_agent, device_id, last_seen)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
     on conflict (user_id, access_token, ip) do update
     set user_agent = excluded.user_agent, device_id = excluded.device_id, last_seen = excluded.last_seen
     where user_ips.last_seen < excluded.last_seen`,
    [
      rows.map(({ userId }) => userId),
      rows.map(({ accessToken }) => accessToken),
      rows.map(({ ip }) => ip),
      rows.map(({ userAgent }) => userAgent),
      rows.map(({ deviceId }) => deviceId),
      rows.map(({ lastSeenMs }) => lastSeenMs),
    ],
  )

/** Those from before `seenBefore` (milliseconds since 1970), about `limit` of them: how many. */
export const deleteOldUserIps = (db: Queries, seenBefore: number, limit: number): Promise<number> =>
  db.run(
    `delete from user_ips where last_seen in (
       select last_seen from user_ips where last_seen <= $1 order by last_seen limit $2
     )`,
    [seenBefore, limit],
  )

export interface Connection {
  readonly ip: string
  /** Milliseconds since 1970. */
  readonly lastSeenMs: number
  readonly userAgent: string
}

/** From where a user was last seen, by token and address. */
export const selectConnections = (db: Queries, userId: UserId) =>
  db.rows<Connection>(
    `select ip, last_seen as "lastSeenMs", user_agent as "userAgent" from user_ips
     where user_id = $1 order by last_seen, ip`,
    [userId],
  )
