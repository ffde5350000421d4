/** Rooms and their aliases. */

import type { RoomAlias, RoomId, ServerName, UserId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

export interface RoomRow {
  readonly roomId: RoomId
  /** Null in rooms of which only an invitation was seen, and for versions that are not known here. */
  readonly roomVersion: string | null
  readonly creator: UserId | null
  /** In the room directory. */
  readonly isPublic: boolean
  /** Its events have places in the auth chain index (`event_auth_chains`). */
  readonly hasAuthChainIndex: boolean
}

const COLUMNS = `room_id as "roomId", room_version as "roomVersion", creator, coalesce(is_public, false) as "isPublic",
  coalesce(has_auth_chain_index, false) as "hasAuthChainIndex"`

export const selectRoom = (db: Queries, roomId: RoomId) =>
  db.one<RoomRow>(`select ${COLUMNS} from rooms where room_id = $1`, [roomId])

export const selectRooms = (db: Queries, roomIds: readonly RoomId[]) =>
  db.rows<RoomRow>(`select ${COLUMNS} from rooms where room_id = any($1)`, [roomIds])

export interface NewRoom {
  readonly roomId: RoomId
  readonly roomVersion: string
  readonly creator: UserId
  readonly isPublic?: boolean
  readonly hasAuthChainIndex?: boolean
}

/** False if the ID is taken. */
export const insertRoom = async (db: Queries, room: NewRoom): Promise<boolean> =>
  (await db.run(
    `insert into rooms (room_id, room_version, creator, is_public, has_auth_chain_index) values ($1, $2, $3, $4, $5)
     on conflict (room_id) do nothing`,
    [room.roomId, room.roomVersion, room.creator, room.isPublic ?? false, room.hasAuthChainIndex ?? true],
  )) === 1

export const updateIsPublic = async (db: Queries, roomId: RoomId, isPublic: boolean): Promise<boolean> =>
  (await db.run('update rooms set is_public = $2 where room_id = $1', [roomId, isPublic])) === 1

/** The least depth of an event that was seen, below which there is nothing to show. Only ever goes down. */
export const updateRoomDepth = (tx: Queries, roomId: RoomId, depth: number) =>
  tx.run(
    `insert into room_depth as r (room_id, min_depth) values ($1, $2)
     on conflict (room_id) do update set min_depth = excluded.min_depth where r.min_depth > excluded.min_depth`,
    [roomId, depth],
  )

export async function selectMinDepth(db: Queries, roomId: RoomId): Promise<number | undefined> {
  const row = await db.one<{ depth: number }>('select min_depth as depth from room_depth where room_id = $1', [roomId])
  return row?.depth
}

export interface AliasRow {
  readonly alias: RoomAlias
  readonly roomId: RoomId
  readonly creator: UserId | null
  /** Servers through which the room can be joined. */
  readonly servers: readonly ServerName[]
}

export const selectAlias = (db: Queries, alias: RoomAlias) =>
  db.one<AliasRow>(
    `select room_alias as alias, room_id as "roomId", creator,
       array(select server from room_alias_servers s where s.room_alias = a.room_alias order by server) as servers
     from room_aliases a where room_alias = $1`,
    [alias],
  )

export async function selectAliasesOfRoom(db: Queries, roomId: RoomId): Promise<readonly RoomAlias[]> {
  const rows = await db.rows<{ alias: RoomAlias }>(
    'select room_alias as alias from room_aliases where room_id = $1 order by room_alias',
    [roomId],
  )
  return rows.map(({ alias }) => alias)
}

/** False if it points somewhere already. One statement, so that there is no alias without servers. */
export const insertAlias = async (db: Queries, { alias, roomId, creator, servers }: AliasRow): Promise<boolean> =>
  (await db.one(
    `with made as (
       insert into room_aliases (room_alias, room_id, creator) values ($1, $2, $3)
       on conflict (room_alias) do nothing returning room_alias
     ), placed as (
       insert into room_alias_servers (room_alias, server) select room_alias, unnest($4::text[]) from made
     )
     select room_alias from made`,
    [alias, roomId, creator, servers],
  )) !== undefined

/** The room that it pointed to; undefined if it was none. */
export async function deleteAlias(db: Queries, alias: RoomAlias): Promise<RoomId | undefined> {
  const row = await db.one<{ roomId: RoomId }>(
    `with gone as (delete from room_alias_servers where room_alias = $1)
     delete from room_aliases where room_alias = $1 returning room_id as "roomId"`,
    [alias],
  )
  return row?.roomId
}

/** All aliases of a room point to another one from now on. */
export const moveAliases = (tx: Queries, from: RoomId, to: RoomId) =>
  tx.run('update room_aliases set room_id = $2 where room_id = $1', [from, to])

/** A room in the directory leaves its place there to another one. False if it had none. */
export const moveDirectoryEntry = async (tx: Queries, from: RoomId, to: RoomId): Promise<boolean> =>
  (await tx.run(
    `with gone as (update rooms set is_public = false where room_id = $1 and is_public returning room_id)
     update rooms set is_public = true where room_id = $2 and exists (select from gone)`,
    [from, to],
  )) === 1
