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
