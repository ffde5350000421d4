import { object, oneOf, optional } from '../../schema.ts'
import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `appservice_room_directory.yaml`. */
export const appserviceRoomDirectoryEndpoints = endpoints({
  updateAppserviceRoomDirectoryVisibility: {
    method: 'PUT',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/directory/list/appservice/{networkId}/{roomId}',
    auth: 'appservice',
    served: 'main',
    class: 'main',
    body: object({ visibility: optional(oneOf('public', 'private')) }),
  },
  deleteAppserviceRoomDirectoryVisibility: {
    method: 'DELETE',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/directory/list/appservice/{networkId}/{roomId}',
    auth: 'appservice',
    served: 'main',
    class: 'main',
  },
})
