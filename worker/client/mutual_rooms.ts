import type { mutualRoomsEndpoints } from '../../shared/endpoints/client/mutual_rooms.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { MutualRooms } from '../directory/mutual-rooms.ts'
import type { Handlers } from '../http/handlers.ts'
import { type Query, queryString, queryStrings, requiredString } from '../http/query.ts'

/** Client-server-api, "Mutual rooms", also where it was before it was specified (MSC2666). */
export function mutualRoomsHandlers(deps: {
  readonly mutualRooms: MutualRooms
}): Handlers<typeof mutualRoomsEndpoints> {
  const mutual = ({ query, requester }: { readonly query: Query; readonly requester: { readonly userId: UserId } }) => {
    const other = requiredString(query, 'user_id')
    for (const name of ['user_id', 'from'])
      if (queryStrings(query, name).length > 1)
        throw new MatrixError('M_INVALID_PARAM', `Duplicate ${name} query parameter`, {}, 400)
    return deps.mutualRooms(requester.userId, other, queryString(query, 'from'))
  }
  return { getMutualRooms: mutual, getMutualRoomsMsc2666: mutual }
}
