/** What users say of their rooms, lists are filtered by it: which are direct, and how they are tagged. In memory until it changes. */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { parseJson } from '../../shared/matrix/json/parse.ts'
import { isObject } from '../../shared/matrix/json/value.ts'
import { makeLru } from '../lru.ts'
import { selectAccountDataOfType, selectTags } from '../storage/account-data.ts'
import type { Queries } from '../storage/db.ts'
import type { LiveStreams } from '../streams/live-streams.ts'

export interface OwnRooms {
  readonly direct: (userId: UserId) => Promise<ReadonlySet<RoomId>>
  readonly tags: (userId: UserId) => Promise<ReadonlyMap<RoomId, ReadonlySet<string>>>
}

const DIRECT = 'm.direct'
const TAG = 'm.tag'
const MAX_USERS = 10_000

/** To be made before the process is connected: it follows the stream `account_data`. */
export function makeOwnRooms(db: Queries, streams: Pick<LiveStreams, 'follow'>): OwnRooms {
  const kept = <T extends {}>(load: (userId: UserId) => Promise<T>) => {
    const users = makeLru<UserId, T>(MAX_USERS)
    /** What is read while it changes is not kept: it may be from before. */
    const reading = new Map<UserId, object>()
    return {
      forget: (userId: UserId) => {
        users.delete(userId)
        reading.delete(userId)
      },
      of: async (userId: UserId): Promise<T> => {
        const known = users.get(userId)
        if (known !== undefined) return known
        const mark = {}
        reading.set(userId, mark)
        const loaded = await load(userId)
        if (reading.get(userId) === mark) {
          reading.delete(userId)
          users.set(userId, loaded)
        }
        return loaded
      },
    }
  }
  const direct = kept(async (userId) => directRoomsIn(await selectAccountDataOfType(db, userId, DIRECT)))
  const tags = kept(async (userId) => {
    const byRoom = new Map<RoomId, Set<string>>()
    for (const { roomId, tag } of await selectTags(db, userId)) {
      const known = byRoom.get(roomId)
      if (known === undefined) byRoom.set(roomId, new Set([tag]))
      else known.add(tag)
    }
    return byRoom
  })
  streams.follow('account_data', (rows) => {
    for (const { userId, roomId, type } of rows)
      if (type === TAG) tags.forget(userId as UserId)
      else if (type === DIRECT && roomId === null) direct.forget(userId as UserId)
  })
  return { direct: direct.of, tags: tags.of }
}

/** Of any user; what is no list of rooms is none. */
function directRoomsIn(text: string | undefined): ReadonlySet<RoomId> {
  const content = text === undefined ? undefined : parseJson(text)
  const rooms = new Set<RoomId>()
  if (content?.ok && isObject(content.value))
    for (const list of Object.values(content.value))
      if (Array.isArray(list)) for (const roomId of list) if (typeof roomId === 'string') rooms.add(roomId as RoomId)
  return rooms
}
