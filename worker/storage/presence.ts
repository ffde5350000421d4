/** Who is online: for each user the last row that their presence's writer wrote. */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

/** Times in ms since 1970. */
export interface PresenceRow {
  readonly streamId: number
  readonly userId: UserId
  readonly state: string
  readonly lastActiveTs: number
  readonly lastFederationUpdateTs: number
  readonly lastUserSyncTs: number
  readonly statusMsg: string | null
  readonly currentlyActive: boolean
}

const COLUMNS = `p.stream_id as "streamId", p.user_id as "userId", p.state, coalesce(p.last_active_ts, 0) as "lastActiveTs",
  coalesce(p.last_federation_update_ts, 0) as "lastFederationUpdateTs", coalesce(p.last_user_sync_ts, 0) as "lastUserSyncTs",
  p.status_msg as "statusMsg", coalesce(p.currently_active, false) as "currentlyActive"`

/** All who are not offline. */
export const selectPresent = (db: Queries) =>
  db.rows<PresenceRow>(`select ${COLUMNS} from presence_stream p where p.state <> 'offline' order by p.stream_id`)

/** Those of these users of whom anything is known. */
export const selectPresenceOf = (db: Queries, userIds: readonly UserId[]) =>
  db.rows<PresenceRow>(`select ${COLUMNS} from presence_stream p where p.user_id = any($1) order by p.stream_id`, [
    userIds,
  ])

/** Who changed after `from`, up to and including `to`, and is in one of these rooms, or is that user. */
export const selectChangedIn = (db: Queries, userId: UserId, roomIds: readonly RoomId[], from: number, to: number) =>
  db.rows<{ readonly userId: UserId }>(
    `select distinct p.user_id as "userId" from presence_stream p
     where p.stream_id > $3 and p.stream_id <= $4 and (p.user_id = $1 or exists (
       select from current_state_events c
       where c.type = 'm.room.member' and c.state_key = p.user_id and c.membership = 'join' and c.room_id = any($2)
     ))`,
    [userId, roomIds, from, to],
  )

/** What was written after `from`, up to and including `to`, by position: `limit` rows at most. */
export const selectPresenceAfter = (db: Queries, from: number, to: number, limit: number) =>
  db.rows<PresenceRow>(
    `select ${COLUMNS} from presence_stream p where p.stream_id > $1 and p.stream_id <= $2 order by p.stream_id limit $3`,
    [from, to, limit],
  )

/** Takes the place of what was known of these users; each of them once. */
export const replacePresence = (tx: Queries, rows: readonly PresenceRow[], instanceName: string) =>
  Promise.all([
    tx.run('delete from presence_stream where user_id = any($1)', [rows.map(({ userId }) => userId)]),
    tx.run(
      `insert into presence_stream (stream_id, user_id, state, last_active_ts, last_federation_update_ts,
         last_user_sync_ts, status_msg, currently_active, instance_name)
       select r.*, $9::text
       from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::boolean[])
         as r`,
      [
        rows.map(({ streamId }) => streamId),
        rows.map(({ userId }) => userId),
        rows.map(({ state }) => state),
        rows.map(({ lastActiveTs }) => lastActiveTs),
        rows.map(({ lastFederationUpdateTs }) => lastFederationUpdateTs),
        rows.map(({ lastUserSyncTs }) => lastUserSyncTs),
        rows.map(({ statusMsg }) => statusMsg),
        rows.map(({ currentlyActive }) => currentlyActive),
        instanceName,
      ],
    ),
  ])

/** Rooms that these users are in. */
export const selectRoomsOf = (db: Queries, userIds: readonly UserId[]) =>
  db.rows<{ readonly userId: UserId; readonly roomId: RoomId }>(
    `select state_key as "userId", room_id as "roomId" from current_state_events
     where type = 'm.room.member' and membership = 'join' and state_key = any($1)`,
    [userIds],
  )

/** Whether both are in one room, one of `excluded` not counted. */
export const doShareRoom = async (db: Queries, a: UserId, b: UserId, excluded: readonly RoomId[]): Promise<boolean> =>
  (await db.one(
    `select 1 from current_state_events x join current_state_events y
       on y.room_id = x.room_id and y.type = 'm.room.member' and y.membership = 'join' and y.state_key = $2
     where x.type = 'm.room.member' and x.membership = 'join' and x.state_key = $1 and x.room_id <> all($3) limit 1`,
    [a, b, excluded],
  )) !== undefined
