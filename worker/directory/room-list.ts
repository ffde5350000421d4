/** The room directory: what is published in it, by whom, and who reads it (client-server-api, "Published room directory"). */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { CurrentEvents } from '../rooms/current-events.ts'
import type { Queries } from '../storage/db.ts'
import { countPublicRooms, type Network, type PublicRoom, selectPublicRooms } from '../storage/public-rooms.ts'
import { selectAliasesOfRoom, selectRoom, updateIsPublic } from '../storage/rooms.ts'
import { parseListToken, printListToken } from './list-token.ts'
import type { MayEditRoomList } from './room-list-access.ts'
import type { DirectoryAct } from './rules.ts'

export interface RoomListDeps {
  readonly db: Queries
  readonly current: CurrentEvents
  readonly mayEditRoomList: MayEditRoomList
  /** `room_list_publication_rules` */
  readonly mayPublish: (act: DirectoryAct) => boolean
  /** `enable_room_list_search`: without it the list is empty, and nothing is published. */
  readonly isEnabled: boolean
}

export interface RoomListRequest {
  /** At most 100, and that where absent. */
  readonly limit?: number | undefined
  /** `next_batch` or `prev_batch` of another page. */
  readonly since?: string | undefined
  readonly searchTerm?: string | undefined
  readonly roomTypes?: readonly (string | null)[] | undefined
  readonly network: Network
}

export interface RoomList {
  /** Throws M_NOT_FOUND. */
  readonly isPublished: (roomId: RoomId) => Promise<boolean>
  /** Throws M_FORBIDDEN, and M_UNKNOWN: with status 400 for a room that is not here, 403 where a rule says no. */
  readonly publish: (userId: UserId, roomId: RoomId, isPublished: boolean) => Promise<void>
  /** A page of it, as clients get it. Throws M_INVALID_PARAM for a token that is none. */
  readonly page: (request: RoomListRequest) => Promise<JsonObject>
}

const MAX_ROOMS = 100
const NOBODY: JsonObject = { chunk: [], total_room_count_estimate: 0 }

export function makeRoomList({ db, current, mayEditRoomList, mayPublish, isEnabled }: RoomListDeps): RoomList {
  /** Requests that are the same and run at the same time, as all that open the directory's first page: one asks. */
  const running = new Map<string, Promise<JsonObject>>()

  async function read(request: RoomListRequest): Promise<JsonObject> {
    const { since, network, searchTerm, roomTypes } = request
    const limit = Math.min(request.limit ?? MAX_ROOMS, MAX_ROOMS)
    const token = since === undefined || since === '' ? undefined : parseListToken(since)
    if (token === undefined && since) throw new MatrixError('M_INVALID_PARAM', 'Invalid since token')
    const isForward = token?.isForward ?? true
    const query = { network, searchTerm, roomTypes }
    const [found, total] = await Promise.all([
      // One more than is wanted: are there others?
      selectPublicRooms(db, { ...query, limit: limit + 1, [isForward ? 'after' : 'before']: token }),
      countPublicRooms(db, query),
    ])
    const hasMore = found.length > limit
    const rooms = isForward ? found.slice(0, limit) : found.slice(found.length - Math.min(limit, found.length))
    const [first, last] = [rooms[0], rooms.at(-1)]
    const at = (room: PublicRoom, goesOn: boolean) => printListToken({ ...room, isForward: goesOn })
    /** Behind everything: where nothing follows the token's place, what is before it is found from there. */
    const theEnd = printListToken({ members: 0, roomId: '', isForward: false })
    const previous = isForward ? (token === undefined ? undefined : first ? at(first, false) : theEnd) : undefined
    const earlier = !isForward && hasMore && first ? at(first, false) : previous
    const later = last && (isForward ? hasMore : true) ? at(last, true) : undefined
    return {
      chunk: rooms.map(print),
      ...(earlier !== undefined && { prev_batch: earlier }),
      ...(later !== undefined && { next_batch: later }),
      total_room_count_estimate: total,
    }
  }

  return {
    async isPublished(roomId) {
      const room = await selectRoom(db, roomId)
      if (room === undefined) throw new MatrixError('M_NOT_FOUND', 'Unknown room')
      return room.isPublic
    },

    async publish(userId, roomId, isPublished) {
      if (isPublished && !isEnabled)
        throw new MatrixError('M_FORBIDDEN', 'This user is not permitted to publish rooms to the room list')
      if ((await selectRoom(db, roomId)) === undefined) throw new MatrixError('M_UNKNOWN', 'Unknown room', {}, 400)
      if (!(await mayEditRoomList(userId, roomId)))
        throw new MatrixError(
          'M_FORBIDDEN',
          'This server requires you to be a moderator in the room to edit its room list entry',
        )
      if (isPublished) {
        const canonical = (await current(roomId, 'm.room.canonical_alias'))?.event.content.alias
        const aliases = [
          ...(await selectAliasesOfRoom(db, roomId)),
          ...(typeof canonical === 'string' ? [canonical] : []),
        ]
        if (!mayPublish({ userId, roomId, aliases }))
          throw new MatrixError('M_UNKNOWN', 'Not allowed to publish room', {}, 403)
      }
      await updateIsPublic(db, roomId, isPublished)
    },

    async page(request) {
      if (!isEnabled) return NOBODY
      const key = JSON.stringify(request)
      const known = running.get(key)
      if (known !== undefined) return known
      const reading = read(request).finally(() => running.delete(key))
      running.set(key, reading)
      return reading
    },
  }
}

const print = (room: PublicRoom): JsonObject => {
  const { roomId, name, topic, canonicalAlias, members, avatar, joinRules, roomType } = room
  return {
    room_id: roomId,
    ...(name !== null && { name }),
    ...(topic !== null && { topic }),
    ...(canonicalAlias !== null && { canonical_alias: canonicalAlias }),
    num_joined_members: members,
    ...(avatar !== null && { avatar_url: avatar }),
    world_readable: room.historyVisibility === 'world_readable',
    guest_can_join: room.guestAccess === 'can_join',
    ...(joinRules !== null && { join_rule: joinRules }),
    ...(roomType !== null && { room_type: roomType }),
  }
}
