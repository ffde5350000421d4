import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Memberships } from '../rooms/memberships.ts'
import type { RoomEntries } from './room-entries.ts'

export interface RoomSummaryDeps {
  readonly entries: RoomEntries
  readonly memberships: Pick<Memberships, 'of'>
}

/**
 * What a room is like, for who thinks of joining it (client-server-api, "`GET …/room_summary/{roomIdOrAlias}`"). Undefined:
 * somebody who has no account. `hasServers`: the request names servers that know the room; they are not asked.
 *
 * Throws M_NOT_FOUND, also for who may not know of it; M_UNKNOWN (400) for a room that is not here, without servers.
 */
export type SummariseRoom = (userId: UserId | undefined, roomId: RoomId, hasServers: boolean) => Promise<JsonObject>

export const makeSummariseRoom =
  ({ entries, memberships }: RoomSummaryDeps): SummariseRoom =>
  async (userId, roomId, hasServers) => {
    const entry = (await entries.read([roomId])).get(roomId)
    if (entry === undefined && !hasServers)
      throw new MatrixError('M_UNKNOWN', 'Missing via to query remote room', {}, 400)
    if (entry === undefined || !(await entries.isAccessible(userId, entry)))
      throw new MatrixError('M_NOT_FOUND', 'Room not found or is not accessible')
    if (userId === undefined) return entry.summary
    return { ...entry.summary, membership: (await memberships.of(userId, roomId))?.membership ?? 'leave' }
  }
