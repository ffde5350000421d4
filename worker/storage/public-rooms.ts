/** The room directory: rooms that are published, this server's and those of appservices' networks. */

import type { RoomId } from '../../shared/matrix/ids.ts'
import type { Queries } from './db.ts'

/** Which list: the server's own, that of an appservice's network, or all of them. */
export type Network = 'own' | 'all' | { readonly appserviceId: string; readonly networkId: string }

/** A place in the list: the most members first, and of as many by room ID, the greatest first. */
export interface Place {
  readonly members: number
  readonly roomId: string
}

export interface PublicRoomsQuery {
  readonly network: Network
  /** Only rooms with this in name, topic or alias, whatever the case of ASCII letters. */
  readonly searchTerm?: string | undefined
  /** Only rooms of these types; null: those without one. */
  readonly roomTypes?: readonly (string | null)[] | undefined
  readonly onlyFederatable?: boolean
  /** Neither includes the place itself. */
  readonly after?: Place | undefined
  readonly before?: Place | undefined
  readonly limit: number
}

export interface PublicRoom {
  readonly roomId: RoomId
  readonly name: string | null
  readonly topic: string | null
  readonly canonicalAlias: string | null
  readonly members: number
  readonly avatar: string | null
  readonly historyVisibility: string | null
  readonly guestAccess: string | null
  readonly joinRules: string | null
  readonly roomType: string | null
}

const PUBLISHED = `select room_id from rooms where is_public and $1
  union select room_id from appservice_room_list where $2 or (appservice_id = $3 and network_id = $4)`

/** Published rooms that somebody is in, and that not only who is invited may know of. */
const FROM = `from (${PUBLISHED}) as published
  join room_stats_state s using (room_id)
  join room_stats_current c using (room_id)
  where (s.join_rules in ('public', 'knock', 'knock_restricted') or s.history_visibility = 'world_readable')
    and c.joined_members > 0
    and ($5::boolean is not true or s.is_federatable)
    and ($6::text[] is null or s.room_type = any($6) or ($7::boolean and s.room_type is null))`

const COLUMNS = `room_id as "roomId", s.name, s.topic, s.canonical_alias as "canonicalAlias", c.joined_members as members,
  s.avatar, s.history_visibility as "historyVisibility", s.guest_access as "guestAccess", s.join_rules as "joinRules",
  s.room_type as "roomType"`

const SEARCHED = `($8::text is null or strpos(lower(s.name), $8) > 0 or strpos(lower(s.topic), $8) > 0
    or strpos(lower(s.canonical_alias), $8) > 0)`

const FORWARDS = `select ${COLUMNS} ${FROM} and ${SEARCHED}
    and ($9::integer is null or (c.joined_members <= $9 and (c.joined_members < $9 or room_id < $10)))
  order by c.joined_members desc, room_id desc limit $11`

const BACKWARDS = `select ${COLUMNS} ${FROM} and ${SEARCHED}
    and c.joined_members >= $9::integer and (c.joined_members > $9 or room_id > $10)
  order by c.joined_members, room_id limit $11`

const listed = ({ network, roomTypes, onlyFederatable = false }: Omit<PublicRoomsQuery, 'limit'>) => [
  network === 'own' || network === 'all',
  network === 'all',
  typeof network === 'object' ? network.appserviceId : null,
  typeof network === 'object' ? network.networkId : null,
  onlyFederatable,
  roomTypes === undefined ? null : roomTypes.filter((type) => type !== null),
  roomTypes?.includes(null) ?? false,
]

/** In the list's order; those that lie the nearest to the place where there are more than the limit. */
export async function selectPublicRooms(db: Queries, query: PublicRoomsQuery): Promise<readonly PublicRoom[]> {
  const { searchTerm, after, before, limit } = query
  const place = before ?? after
  const rows = await db.rows<PublicRoom>(before === undefined ? FORWARDS : BACKWARDS, [
    ...listed(query),
    searchTerm?.toLowerCase() ?? null,
    place?.members ?? null,
    place?.roomId ?? null,
    limit,
  ])
  return before === undefined ? rows : rows.reverse()
}

/** How many there are, whatever is searched for. */
export const countPublicRooms = async (db: Queries, query: Omit<PublicRoomsQuery, 'limit'>): Promise<number> =>
  (await db.one<{ count: number }>(`select count(*) as count ${FROM}`, listed(query)))!.count

/** Rooms may be in the list of a network that this server is not in itself. */
export const insertNetworkRoom = (db: Queries, appserviceId: string, networkId: string, roomId: RoomId) =>
  db.run(
    `insert into appservice_room_list (appservice_id, network_id, room_id) values ($1, $2, $3)
     on conflict (appservice_id, network_id, room_id) do nothing`,
    [appserviceId, networkId, roomId],
  )

export const deleteNetworkRoom = (db: Queries, appserviceId: string, networkId: string, roomId: RoomId) =>
  db.run('delete from appservice_room_list where appservice_id = $1 and network_id = $2 and room_id = $3', [
    appserviceId,
    networkId,
    roomId,
  ])
