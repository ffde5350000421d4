import { requiredLevel, userLevel } from '../../shared/matrix/event-auth/power-levels.ts'
import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { CurrentEvents } from '../rooms/current-events.ts'
import type { Memberships } from '../rooms/memberships.ts'

export interface RoomListAccessDeps {
  readonly current: CurrentEvents
  readonly memberships: Pick<Memberships, 'isJoined'>
  /** Of the server. */
  readonly isAdmin: (userId: UserId) => boolean | Promise<boolean>
}

/**
 * Whether somebody may say how a room is found: an admin of the server, or a member who may send `m.room.canonical_alias`. Throws
 * M_FORBIDDEN for who is not in the room.
 */
export type MayEditRoomList = (userId: UserId, roomId: RoomId) => Promise<boolean>

export const makeMayEditRoomList =
  ({ current, memberships, isAdmin }: RoomListAccessDeps): MayEditRoomList =>
  async (userId, roomId) => {
    if (await isAdmin(userId)) return true
    if (!(await memberships.isJoined(userId, roomId)))
      throw new MatrixError('M_FORBIDDEN', `User ${userId} not in room ${roomId}`)
    const [create, levels] = await Promise.all([
      current(roomId, 'm.room.create'),
      current(roomId, 'm.room.power_levels'),
    ])
    if (create === undefined) return false
    const room = { version: create.version, create: create.event, content: levels?.event.content }
    return userLevel(room, userId) >= requiredLevel(room, 'm.room.canonical_alias', true)
  }
