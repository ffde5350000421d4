import type { roomEventByTimestampEndpoints } from '../../shared/endpoints/client/room_event_by_timestamp.ts'
import type { RoomId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import { queryInteger, queryOneOf } from '../http/query.ts'
import { type NearestEventDeps, nearestEvent } from '../rooms/nearest-event.ts'
import type { CheckReadingAccess, IsWorldReadable } from '../rooms/reading-access.ts'

export interface RoomEventByTimestampDeps extends NearestEventDeps {
  readonly checkAccess: CheckReadingAccess
  readonly isWorldReadable: IsWorldReadable
}

/**
 * client-server-api, "Jump to date". NOTSPEC: other servers are not asked, whatever gap the event is next to; Synapse asks, and
 * answers the same where none of them can be reached.
 */
export const roomEventByTimestampHandlers = (
  deps: RoomEventByTimestampDeps,
): Handlers<typeof roomEventByTimestampEndpoints> => ({
  async getEventByTimestamp({ params, query, requester: { userId } }) {
    const roomId = params.roomId as RoomId
    const access = await deps.checkAccess(userId, roomId)
    if (access.as === 'former member' && !(await deps.isWorldReadable(roomId)))
      throw new MatrixError('M_FORBIDDEN', `User ${userId} not in room ${roomId}, and room previews are disabled`)
    const ts = queryInteger(query, 'ts')
    if (ts === undefined) throw new MatrixError('M_MISSING_PARAM', 'Missing required integer query parameter ts')
    const dir = queryOneOf(query, 'dir', ['b', 'f']) ?? 'f'
    const nearest = await nearestEvent(deps, userId, roomId, {
      direction: dir === 'b' ? 'backwards' : 'forwards',
      ts,
      isPeeking: access.as === 'onlooker',
    })
    if (nearest === undefined)
      throw new MatrixError('M_NOT_FOUND', `Unable to find event from ${ts} in direction ${dir}`)
    const { eventId, originServerTs } = nearest.event
    return { event_id: eventId, origin_server_ts: originServerTs }
  },
})
