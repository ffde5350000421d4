/** What is told of a room to who may find it, and to whom that is: for spaces' hierarchies and summaries of rooms. */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { isObject, type JsonObject, type JsonValue } from '../../shared/matrix/json/value.ts'
import { type RoomVersion, roomVersion } from '../../shared/matrix/room-version.ts'
import type { EventStore, KnownEvent } from '../rooms/event-store.ts'
import type { Memberships } from '../rooms/memberships.ts'
import { allowedBy, isRestricted } from '../rooms/restricted-join.ts'
import { selectCurrentState } from '../storage/current-state.ts'
import type { Queries } from '../storage/db.ts'
import { type RoomHead, selectRoomHeads } from '../storage/room-summaries.ts'
import { storableText } from './content.ts'
import { plainTopic } from './topic.ts'

/** A room that a user of ours is in. */
export interface RoomEntry {
  readonly roomId: RoomId
  readonly version: RoomVersion | undefined
  readonly joinRule: string | undefined
  readonly isWorldReadable: boolean
  /** Whose members may join, where the join rules say so. */
  readonly allowedRoomIds: readonly RoomId[]
  /** As clients get it. */
  readonly summary: JsonObject
  /** The `m.space.child` events of a space, in the order in which they are shown. */
  readonly children: readonly KnownEvent[]
}

export interface RoomEntriesDeps {
  readonly db: Queries
  readonly events: Pick<EventStore, 'get'>
  readonly memberships: Pick<Memberships, 'ofUser'>
}

export interface RoomEntries {
  /** Those of these rooms that users of ours are in, as they are now: four statements at most. */
  readonly read: (
    roomIds: readonly RoomId[],
    options?: { readonly withChildren?: boolean },
  ) => Promise<ReadonlyMap<RoomId, RoomEntry>>
  /**
   * Whether somebody may know of the room (client-server-api, "Server behaviour" of spaces): they are in it, are invited, or could
   * join, or knock, or read it. Undefined: somebody who has no account.
   */
  readonly isAccessible: (userId: UserId | undefined, entry: RoomEntry) => Promise<boolean>
}

const types = [
  'm.room.create',
  'm.room.name',
  'm.room.topic',
  'm.room.canonical_alias',
  'm.room.avatar',
  'm.room.join_rules',
  'm.room.history_visibility',
  'm.room.guest_access',
  'm.room.encryption',
] as const
const filters = [...types.map((type) => ({ type, stateKey: '' })), { type: 'm.space.child' }]
type Contents = Readonly<Partial<Record<string, JsonObject>>>

export function makeRoomEntries({ db, events, memberships }: RoomEntriesDeps): RoomEntries {
  return {
    async read(roomIds, { withChildren = false } = {}) {
      const storable = roomIds.filter((roomId) => !roomId.includes('\0'))
      const heads = (await selectRoomHeads(db, storable)).filter(({ isHere }) => isHere)
      if (heads.length === 0) return new Map()
      const entries = await selectCurrentState(
        db,
        heads.map(({ roomId }) => roomId),
        withChildren ? filters : filters.slice(0, types.length),
      )
      const [edges, rest] = [entries.filter(isEdge), entries.filter((entry) => !isEdge(entry))]
      const known = await events.get(rest.map(({ eventId }) => eventId))
      const byRoom = Map.groupBy(rest, ({ roomId }) => roomId)
      const contentsOf = (roomId: RoomId): Contents =>
        Object.fromEntries(
          (byRoom.get(roomId) ?? []).map(({ type, eventId }) => [type, known.get(eventId)?.event.content]),
        )
      const contents = new Map(heads.map(({ roomId }) => [roomId, contentsOf(roomId)]))
      // What is no space has no children, whatever its state says.
      const isSpace = (roomId: RoomId): boolean => contents.get(roomId)?.['m.room.create']?.type === 'm.space'
      const wanted = edges.filter(({ roomId }) => isSpace(roomId))
      const children = Map.groupBy(
        [...(await events.get(wanted.map(({ eventId }) => eventId))).values()].filter(hasServers),
        ({ event }) => event.roomId,
      )
      return new Map(
        heads.map((head) => [
          head.roomId,
          entryOf(head, contents.get(head.roomId)!, (children.get(head.roomId) ?? []).sort(inOrder)),
        ]),
      )
    },

    async isAccessible(userId, { roomId, version, joinRule, isWorldReadable, allowedRoomIds }) {
      if (version === undefined) return false
      if (joinRule === 'public' || isWorldReadable) return true
      if (joinRule === 'knock' && version.knocking) return true
      if (joinRule === 'knock_restricted' && version.knockRestrictedJoins) return true
      if (userId === undefined) return false
      const rooms = await memberships.ofUser(userId)
      const own = rooms.get(roomId)?.membership
      if (own === 'join' || own === 'invite') return true
      return allowedRoomIds.some((allowed) => rooms.get(allowed)?.membership === 'join')
    },
  }
}

const isEdge = ({ type }: { readonly type: string }): boolean => type === 'm.space.child'

function entryOf(head: RoomHead, contents: Contents, children: readonly KnownEvent[]): RoomEntry {
  const { roomId, roomVersion: id, joinedMembers } = head
  const version = id === null ? undefined : roomVersion(id)
  const rules = contents['m.room.join_rules']
  const joinRule = typeof rules?.join_rule === 'string' ? rules.join_rule : undefined
  const topic = contents['m.room.topic']
  const isWorldReadable = contents['m.room.history_visibility']?.history_visibility === 'world_readable'
  const allowedRoomIds =
    rules !== undefined && version !== undefined && isRestricted(rules, version) ? allowedBy(rules).roomIds : []
  const texts: Readonly<Record<string, string | null>> = {
    room_version: id,
    name: storableText(contents['m.room.name']?.name),
    topic: topic === undefined ? null : storableText(plainTopic(topic)),
    canonical_alias: storableText(contents['m.room.canonical_alias']?.alias),
    avatar_url: storableText(contents['m.room.avatar']?.url),
    room_type: storableText(contents['m.room.create']?.type),
    encryption: storableText(contents['m.room.encryption']?.algorithm),
    join_rule: joinRule ?? null,
  }
  return {
    roomId,
    version,
    joinRule,
    isWorldReadable,
    allowedRoomIds,
    children,
    summary: {
      room_id: roomId,
      ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== null)),
      num_joined_members: joinedMembers,
      world_readable: isWorldReadable,
      guest_can_join: contents['m.room.guest_access']?.guest_access === 'can_join',
      ...(allowedRoomIds.length > 0 && { allowed_room_ids: allowedRoomIds }),
    },
  }
}

/** Without `via` it is no child any longer. */
const hasServers = ({ event }: KnownEvent): boolean => {
  const { via } = event.content
  return Array.isArray(via) && via.length > 0 && via.every((server: JsonValue) => typeof server === 'string')
}

/** As Synapse counts them: characters; only printable ASCII orders. */
const orderOf = ({ event }: KnownEvent): string | undefined => {
  const { order } = event.content
  return typeof order === 'string' && /^[\x20-\x7e]{0,50}$/.test(order) ? order : undefined
}

/**
 * Client-server-api, "Ordering of children within a space": by `order`, those without it last; then by when they were added; then
 * by room ID.
 */
function inOrder(a: KnownEvent, b: KnownEvent): number {
  const [left, right] = [orderOf(a), orderOf(b)]
  if (left !== right) {
    if (left === undefined) return 1
    if (right === undefined) return -1
    return left < right ? -1 : 1
  }
  if (a.event.originServerTs !== b.event.originServerTs) return a.event.originServerTs - b.event.originServerTs
  return (a.event.stateKey ?? '') < (b.event.stateKey ?? '') ? -1 : 1
}

/** Of a child: `suggested`. */
export const isSuggested = ({ event }: KnownEvent): boolean => event.content.suggested === true

/** A child as clients get it, without what events have besides (client-server-api, "Stripped state"). */
export const strippedChild = ({ event }: KnownEvent): JsonObject => ({
  type: event.type,
  state_key: event.stateKey!,
  content: isObject(event.content) ? event.content : {},
  sender: event.sender,
  origin_server_ts: event.originServerTs,
})
