import type { roomSummaryEndpoints } from '../../shared/endpoints/client/room_summary.ts'
import { isRoomAlias } from '../../shared/matrix/ids/room-alias.ts'
import type { SummariseRoom } from '../directory/room-summary.ts'
import type { Handlers } from '../http/handlers.ts'
import { type Query, queryStrings } from '../http/query.ts'
import type { Requester } from '../http/requester.ts'
import type { Aliases } from '../rooms/aliases.ts'
import { roomOf } from './room-id-or-alias.ts'

export interface RoomSummaryHandlerDeps {
  readonly aliases: Pick<Aliases, 'resolve'>
  readonly summarise: SummariseRoom
}

/** Client-server-api, "Room summary", also where it was before it was specified. */
export function roomSummaryHandlers({
  aliases,
  summarise,
}: RoomSummaryHandlerDeps): Handlers<typeof roomSummaryEndpoints> {
  const summary = async (request: {
    readonly params: { readonly roomIdOrAlias: string }
    readonly query: Query
    readonly requester: Requester | undefined
  }) => {
    const { roomIdOrAlias } = request.params
    const roomId = await roomOf(roomIdOrAlias, aliases)
    const hasServers = isRoomAlias(roomIdOrAlias) || queryStrings(request.query, 'via').length > 0
    return summarise(request.requester?.userId, roomId, hasServers)
  }
  return { getRoomSummary: summary, getRoomSummaryMsc3266: summary, getRoomSummaryMsc3266Old: summary }
}
