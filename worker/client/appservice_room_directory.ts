import type { appserviceRoomDirectoryEndpoints } from '../../shared/endpoints/client/appservice_room_directory.ts'
import type { RoomId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import type { Queries } from '../storage/db.ts'
import { deleteNetworkRoom, insertNetworkRoom } from '../storage/public-rooms.ts'

/** Application-service-api, "Application service room directories". */
export function appserviceRoomDirectoryHandlers(deps: {
  readonly db: Queries
}): Handlers<typeof appserviceRoomDirectoryEndpoints> {
  const edit = async (
    appserviceId: string,
    { networkId, roomId }: { readonly networkId: string; readonly roomId: string },
    isPublished: boolean,
  ) => {
    if (networkId.includes('\0') || roomId.includes('\0'))
      throw new MatrixError('M_INVALID_PARAM', 'Neither networks nor rooms have a NUL in their IDs')
    await (isPublished ? insertNetworkRoom : deleteNetworkRoom)(deps.db, appserviceId, networkId, roomId as RoomId)
    return {}
  }
  return {
    updateAppserviceRoomDirectoryVisibility: ({ params, requester, body }) =>
      edit(requester.appserviceId!, params, body.visibility !== 'private'),
    deleteAppserviceRoomDirectoryVisibility: ({ params, requester }) => edit(requester.appserviceId!, params, false),
  }
}
