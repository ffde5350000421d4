/** Whether somebody may read a room at all, and as what. What of it they see is for `visibility.ts` to say. */

import type { EventId, RoomId, UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { historyVisibilityIn } from '../../shared/matrix/visibility.ts'
import type { EventStore } from './event-store.ts'
import type { Memberships, OwnMembership } from './memberships.ts'
import type { StateStore } from './state-store.ts'

export type ReadingAccess =
  | { readonly as: 'member' }
  /** Reads what there was when they left. */
  | { readonly as: 'former member'; readonly leaveEventId: EventId }
  /** Anybody, guests too, of a room whose history is for the world to read. */
  | { readonly as: 'onlooker' }

/** Throws M_FORBIDDEN. */
export type CheckReadingAccess = (userId: UserId, roomId: RoomId) => Promise<ReadingAccess>

export type OwnMemberships = Pick<Memberships, 'of'>

/** Neither in the room nor somebody who left it: sees what anybody may, and what they saw while they were in it. */
export const isPeeking = (own: OwnMembership | undefined): boolean =>
  own?.membership !== 'join' && (own?.membership !== 'leave' || own.isForgotten)

/** Whether anybody may read the room as it is now. */
export type IsWorldReadable = (roomId: RoomId) => Promise<boolean>

export interface WorldReadableDeps {
  readonly state: Pick<StateStore, 'currentEvent'>
  readonly events: Pick<EventStore, 'get'>
}

export const makeIsWorldReadable =
  ({ state, events }: WorldReadableDeps): IsWorldReadable =>
  async (roomId) => {
    const eventId = await state.currentEvent(roomId, 'm.room.history_visibility', '')
    if (eventId === undefined) return false
    const known = (await events.get([eventId])).get(eventId)
    return known !== undefined && historyVisibilityIn(known.event.content) === 'world_readable'
  }

export interface ReadingAccessDeps {
  readonly memberships: OwnMemberships
  readonly isWorldReadable: IsWorldReadable
}

/**
 * As Synapse: who was banned, or left and was invited again, or forgot the room, reads it as everybody else may. The
 * specification would let them read what they could see before they left.
 */
export function makeReadingAccess({ memberships, isWorldReadable }: ReadingAccessDeps): CheckReadingAccess {
  return async (userId, roomId) => {
    const own = await memberships.of(userId, roomId)
    if (own?.membership === 'join') return { as: 'member' }
    if (own !== undefined && !isPeeking(own)) return { as: 'former member', leaveEventId: own.eventId }
    if (await isWorldReadable(roomId)) return { as: 'onlooker' }
    throw new MatrixError('M_FORBIDDEN', `User ${userId} not in room ${roomId}, and room previews are disabled`)
  }
}
