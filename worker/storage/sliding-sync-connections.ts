/**
 * What clients of sliding sync were told, so that any process goes on from there: a connection, its last positions, and for each
 * position the rooms that were sent and how much of them. A client that comes with a position has all that it stands for; the
 * other positions of its connection are void then.
 */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Db, Queries, Transaction } from './db.ts'

export interface ConnectionName {
  readonly userId: UserId
  readonly deviceId: string
  readonly connId: string
}

export type ConnectionStream = 'rooms' | 'receipts' | 'account_data'

export interface StreamStatusRow {
  readonly stream: string
  readonly roomId: RoomId
  /** `live`, `previously`. */
  readonly status: string
  /** Up to where it was sent, of `previously`. */
  readonly lastToken: string | null
}

export interface RoomConfigRow {
  readonly roomId: RoomId
  readonly timelineLimit: number
  /** Pairs of type and state key, sorted, as JSON. */
  readonly requiredState: string
}

export interface LazyMemberRow {
  readonly roomId: RoomId
  readonly userId: string
  /** Milliseconds since 1970, within an hour. */
  readonly lastSeenTs: number
}

export interface ConfirmedConnection {
  readonly key: number
  /** Milliseconds since 1970; null: not noted. */
  readonly lastUsedTs: number | null
}

/** How old the note of a connection's last use may become. */
const NOTED_EVERY_MS = 300_000

/** The client came with this position: it has all of it, and the others are void. Undefined: there is no such position. */
export const confirmPosition = (
  db: Queries,
  { userId, deviceId, connId }: ConnectionName,
  position: number,
  now: number,
): Promise<ConfirmedConnection | undefined> =>
  db.one<ConfirmedConnection>(
    `with found as (
       select c.connection_key, c.last_used_ts
       from sliding_sync_connection_positions p join sliding_sync_connections c using (connection_key)
       where p.connection_position = $1 and c.user_id = $2 and c.effective_device_id = $3 and c.conn_id = $4
     ), void as (
       delete from sliding_sync_connection_positions p using found f
       where p.connection_key = f.connection_key and p.connection_position <> $1
     ), sent as (
       update sliding_sync_connection_lazy_members m set connection_position = null from found f
       where m.connection_key = f.connection_key and m.connection_position = $1
     ), used as (
       update sliding_sync_connections c set last_used_ts = $5::bigint from found f
       where c.connection_key = f.connection_key and (f.last_used_ts is null or f.last_used_ts < $5::bigint - ${NOTED_EVERY_MS})
     )
     select connection_key as key, last_used_ts as "lastUsedTs" from found`,
    [position, userId, deviceId, connId, now],
  )

/** The connection is used still. */
export const noteUsed = (db: Queries, key: number, now: number) =>
  db.run('update sliding_sync_connections set last_used_ts = $2 where connection_key = $1', [key, now])

export const selectStatuses = (db: Queries, position: number) =>
  db.rows<StreamStatusRow>(
    `select stream, room_id as "roomId", room_status as status, last_token as "lastToken"
     from sliding_sync_connection_streams where connection_position = $1`,
    [position],
  )

export const selectRoomConfigs = (db: Queries, position: number) =>
  db.rows<RoomConfigRow>(
    `select c.room_id as "roomId", c.timeline_limit as "timelineLimit", s.required_state as "requiredState"
     from sliding_sync_connection_room_configs c
     join sliding_sync_connection_required_state s using (required_state_id)
     where c.connection_position = $1`,
    [position],
  )

/** Whose memberships the client was sent lazily, in these rooms. */
export const selectLazyMembers = (db: Queries, key: number, position: number, roomIds: readonly RoomId[]) =>
  db.rows<LazyMemberRow>(
    `select room_id as "roomId", user_id as "userId", last_seen_ts as "lastSeenTs"
     from sliding_sync_connection_lazy_members
     where connection_key = $1 and room_id = any($3) and (connection_position is null or connection_position = $2)`,
    [key, position, roomIds],
  )

export interface NewPosition {
  /** Changes of what was at the position before. */
  readonly statuses: readonly (Omit<StreamStatusRow, 'stream'> & { readonly stream: ConnectionStream })[]
  readonly configs: readonly RoomConfigRow[]
  readonly lazySent: readonly Omit<LazyMemberRow, 'lastSeenTs'>[]
  readonly lazyForgotten: readonly Omit<LazyMemberRow, 'lastSeenTs'>[]
}

export interface PlacedConnection {
  readonly key: number
  readonly position: number
}

/**
 * A new position after another one, with all that was at that. Without `previous` the connection begins anew. Undefined: the
 * position before is void.
 */
export const insertPosition = (
  db: Db,
  name: ConnectionName,
  previous: number | undefined,
  changes: NewPosition,
  now: number,
): Promise<PlacedConnection | undefined> =>
  db.transaction(
    'read committed',
    async (tx) => {
      const placed = await (previous === undefined ? beginConnection(tx, name, now) : goOn(tx, name, previous, now))
      if (placed === undefined) return undefined
      await Promise.all([
        insertStatuses(tx, placed, previous, changes.statuses),
        insertRoomConfigs(tx, placed, previous, changes.configs),
        changes.lazySent.length > 0 && upsertLazyMembers(tx, placed, changes.lazySent, now),
        changes.lazyForgotten.length > 0 && deleteLazyMembers(tx, placed, changes.lazyForgotten),
      ])
      return placed
    },
    'persist_per_connection_state',
  )

const beginConnection = (tx: Transaction, { userId, deviceId, connId }: ConnectionName, now: number) =>
  tx.one<PlacedConnection>(
    `with gone as (
       delete from sliding_sync_connections where user_id = $1 and effective_device_id = $2 and conn_id = $3
     ), made as (
       insert into sliding_sync_connections (user_id, effective_device_id, conn_id, created_ts, last_used_ts)
       values ($1, $2, $3, $4, $4) returning connection_key
     )
     insert into sliding_sync_connection_positions (connection_key, created_ts) select connection_key, $4 from made
     returning connection_key as key, connection_position as position`,
    [userId, deviceId, connId, now],
  )

/** Requests of a connection follow one another. */
const goOn = (tx: Transaction, { userId, deviceId, connId }: ConnectionName, previous: number, now: number) =>
  tx.one<PlacedConnection>(
    `with found as (
       select c.connection_key
       from sliding_sync_connection_positions p join sliding_sync_connections c using (connection_key)
       where p.connection_position = $1 and c.user_id = $2 and c.effective_device_id = $3 and c.conn_id = $4
       for no key update of c
     )
     insert into sliding_sync_connection_positions (connection_key, created_ts) select connection_key, $5 from found
     returning connection_key as key, connection_position as position`,
    [previous, userId, deviceId, connId, now],
  )

async function insertStatuses(
  tx: Transaction,
  { position }: PlacedConnection,
  previous: number | undefined,
  statuses: NewPosition['statuses'],
): Promise<void> {
  const work: Promise<unknown>[] = []
  if (statuses.length > 0)
    work.push(
      tx.run(
        `insert into sliding_sync_connection_streams (connection_position, stream, room_id, room_status, last_token)
         select $1, s.* from unnest($2::text[], $3::text[], $4::text[], $5::text[]) as s`,
        [
          position,
          statuses.map(({ stream }) => stream),
          statuses.map(({ roomId }) => roomId),
          statuses.map(({ status }) => status),
          statuses.map(({ lastToken }) => lastToken),
        ],
      ),
    )
  if (previous !== undefined)
    work.push(
      tx.run(
        `insert into sliding_sync_connection_streams (connection_position, stream, room_id, room_status, last_token)
         select $1, stream, room_id, room_status, last_token from sliding_sync_connection_streams
         where connection_position = $2 on conflict do nothing`,
        [position, previous],
      ),
    )
  await Promise.all(work)
}

/** What rooms of a connection have in common is there once. */
async function insertRoomConfigs(
  tx: Transaction,
  { key, position }: PlacedConnection,
  previous: number | undefined,
  configs: readonly RoomConfigRow[],
): Promise<void> {
  const work: Promise<unknown>[] = []
  if (configs.length > 0) {
    const texts = [...new Set(configs.map(({ requiredState }) => requiredState))]
    work.push(
      tx.run(
        `insert into sliding_sync_connection_required_state (connection_key, required_state)
         select $1, t from unnest($2::text[]) as t where not exists (
           select from sliding_sync_connection_required_state s where s.connection_key = $1 and s.required_state = t
         )`,
        [key, texts],
      ),
      tx.run(
        `insert into sliding_sync_connection_room_configs (connection_position, room_id, timeline_limit,
           required_state_id)
         select $1, c.room_id, c.timeline_limit, (
           select min(s.required_state_id) from sliding_sync_connection_required_state s
           where s.connection_key = $2 and s.required_state = c.required_state
         ) from unnest($3::text[], $4::bigint[], $5::text[]) as c (room_id, timeline_limit, required_state)`,
        [
          position,
          key,
          configs.map(({ roomId }) => roomId),
          configs.map(({ timelineLimit }) => timelineLimit),
          configs.map(({ requiredState }) => requiredState),
        ],
      ),
    )
  }
  if (previous !== undefined) {
    work.push(
      tx.run(
        `insert into sliding_sync_connection_room_configs (connection_position, room_id, timeline_limit,
           required_state_id)
         select $1, room_id, timeline_limit, required_state_id from sliding_sync_connection_room_configs
         where connection_position = $2 on conflict do nothing`,
        [position, previous],
      ),
    )
    if (configs.length > 0)
      work.push(
        tx.run(
          `delete from sliding_sync_connection_required_state s
           where s.connection_key = $1 and not exists (
             select from sliding_sync_connection_room_configs c where c.required_state_id = s.required_state_id
           )`,
          [key],
        ),
      )
  }
  await Promise.all(work)
}

/** Those that a position has which never reached the client stay with it: they are sent again. */
const upsertLazyMembers = (
  tx: Transaction,
  { key, position }: PlacedConnection,
  members: NewPosition['lazySent'],
  now: number,
) =>
  tx.run(
    `insert into sliding_sync_connection_lazy_members as m
       (connection_key, connection_position, room_id, user_id, last_seen_ts)
     select $1, $2, t.room_id, t.user_id, $5 from unnest($3::text[], $4::text[]) as t (room_id, user_id)
     on conflict (connection_key, room_id, user_id) do update set last_seen_ts = excluded.last_seen_ts
     where m.connection_position is null or m.connection_position = excluded.connection_position`,
    [key, position, members.map(({ roomId }) => roomId), members.map(({ userId }) => userId), now],
  )

const deleteLazyMembers = (tx: Transaction, { key }: PlacedConnection, members: NewPosition['lazyForgotten']) =>
  tx.run(
    `delete from sliding_sync_connection_lazy_members m using unnest($2::text[], $3::text[]) as t (room_id, user_id)
     where m.connection_key = $1 and m.room_id = t.room_id and m.user_id = t.user_id`,
    [key, members.map(({ roomId }) => roomId), members.map(({ userId }) => userId)],
  )

/** Connections that nobody used since then. */
export const deleteUnusedConnections = (db: Queries, before: number) =>
  db.run('delete from sliding_sync_connections where last_used_ts is not null and last_used_ts < $1', [before])
