import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `list_joined_rooms.yaml`. */
export const listJoinedRoomsEndpoints = endpoints({
  getJoinedRooms: {
    method: 'GET',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/joined_rooms',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'client_read',
    sticky: 'user',
  },
})
