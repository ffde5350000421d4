/** Joins of rooms whose members may come from other rooms (rooms/v8, `restricted` and `knock_restricted`). */

import { namedLevel, userLevel } from '../../shared/matrix/event-auth/power-levels.ts'
import { isRoomId } from '../../shared/matrix/ids/room-id.ts'
import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import { isObject, type JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { RoomVersion } from '../../shared/matrix/room-version.ts'
import type { CurrentEvents } from './current-events.ts'
import type { Memberships } from './memberships.ts'

export interface RestrictedJoinDeps {
  readonly current: CurrentEvents
  readonly memberships: Pick<Memberships, 'isJoined' | 'joinedLocals'>
}

/** The room can only be joined with the help of another server. */
export const needsAnotherServer = (): MatrixError =>
  new MatrixError(
    'M_UNKNOWN',
    "Can't join remote room because no servers that are in the room have been provided.",
    {},
    404,
  )

/**
 * Of a user who is neither in the room nor invited: the one of our users in whose name the join is authorised, who could
 * invite them; undefined in a room that is not restricted. Throws M_FORBIDDEN for who is in none of the rooms that the
 * room's members come from, and {@link needsAnotherServer}.
 */
export async function authorisingUser(
  { current, memberships }: RestrictedJoinDeps,
  roomId: RoomId,
  userId: UserId,
): Promise<UserId | undefined> {
  const [create, rules] = await Promise.all([current(roomId, 'm.room.create'), current(roomId, 'm.room.join_rules')])
  if (create === undefined || rules === undefined) return undefined
  if (!isRestricted(rules.event.content, create.version)) return undefined

  const levels = await current(roomId, 'm.room.power_levels')
  const room = { version: create.version, create: create.event, content: levels?.event.content }
  const needed = namedLevel(room, 'invite')
  const host = [...(await memberships.joinedLocals(roomId))].find((local) => userLevel(room, local) >= needed)
  if (host === undefined) throw needsAnotherServer()

  const { roomIds, hasOthers } = allowedBy(rules.event.content)
  for (const allowed of roomIds) if (await memberships.isJoined(userId, allowed)) return host
  // A server that knows of the other conditions may let them in.
  if (hasOthers) throw needsAnotherServer()
  throw new MatrixError('M_FORBIDDEN', 'You do not belong to any of the required rooms/spaces to join this room.')
}

/** Whether members of other rooms may join by the room's join rules. */
export function isRestricted({ join_rule: rule }: JsonObject, version: RoomVersion): boolean {
  if (rule === 'restricted') return version.restrictedJoins
  return rule === 'knock_restricted' && version.knockRestrictedJoins
}

/** The rooms whose members may join, and whether there are conditions of other kinds. */
export function allowedBy({ allow }: JsonObject): { readonly roomIds: readonly RoomId[]; readonly hasOthers: boolean } {
  const conditions = Array.isArray(allow) ? allow.filter(isObject) : []
  const rooms = conditions.filter(({ type }) => type === 'm.room_membership')
  return {
    roomIds: rooms.flatMap(({ room_id: roomId }) => (typeof roomId === 'string' && isRoomId(roomId) ? roomId : [])),
    hasOthers: rooms.length < conditions.length,
  }
}
