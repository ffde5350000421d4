import { array, nullable, object, optional, string } from '../../schema.ts'
import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `directory.yaml`. */
export const directoryEndpoints = endpoints({
  setRoomAlias: {
    method: 'PUT',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/directory/room/{roomAlias}',
    auth: 'user',
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
    body: object({ room_id: string(), servers: optional(nullable(array(string()))) }),
  },
  getRoomIdByAlias: {
    method: 'GET',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/directory/room/{roomAlias}',
    auth: 'none',
    served: 'generic',
    class: 'client_read',
    sticky: 'room',
  },
  deleteRoomAlias: {
    method: 'DELETE',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/directory/room/{roomAlias}',
    auth: 'user',
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
  },
  getLocalAliases: {
    method: 'GET',
    under: clientVersions('r0', 'v3', 'unstable/org.matrix.msc2432'),
    path: '/rooms/{roomId}/aliases',
    auth: 'user',
    served: 'generic',
    class: 'room_read',
    sticky: 'room',
  },
})
