import { clientVersions, endpoints } from '../types.ts'

const under = clientVersions('api/v1', 'r0', 'v3', 'unstable')

/** Matrix v1.19, client-server API: `list_public_rooms.yaml`. */
export const listPublicRoomsEndpoints = endpoints({
  getRoomVisibilityOnDirectory: {
    method: 'GET',
    under,
    path: '/directory/list/room/{roomId}',
    auth: 'none',
    served: 'main',
    class: 'main',
  },
  setRoomVisibilityOnDirectory: {
    method: 'PUT',
    under,
    path: '/directory/list/room/{roomId}',
    auth: 'user',
    served: 'main',
    class: 'main',
  },
  getPublicRooms: {
    method: 'GET',
    under,
    path: '/publicRooms',
    auth: 'user?',
    guests: true,
    served: 'generic',
    class: 'client_read',
  },
  queryPublicRooms: {
    method: 'POST',
    under,
    path: '/publicRooms',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'client_read',
  },
})
