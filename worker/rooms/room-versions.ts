/** The versions of rooms, which never change. */

import type { RoomId } from '../../shared/matrix/ids.ts'
import { type RoomVersion, roomVersion } from '../../shared/matrix/room-version.ts'
import { makeLru } from '../lru.ts'
import type { Queries } from '../storage/db.ts'
import { selectRoom } from '../storage/rooms.ts'

export interface RoomVersions {
  /** Undefined: no such room is known, or of a version that is not. */
  readonly of: (roomId: RoomId) => Promise<RoomVersion | undefined>
}

const MAX_ROOMS = 50_000

export function makeRoomVersions(db: Queries): RoomVersions {
  const kept = makeLru<RoomId, RoomVersion>(MAX_ROOMS)
  return {
    async of(roomId) {
      const known = kept.get(roomId)
      if (known !== undefined) return known
      const version = roomVersion((await selectRoom(db, roomId))?.roomVersion ?? '')
      if (version !== undefined) kept.set(roomId, version)
      return version
    },
  }
}
