import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `mutual_rooms.yaml`. */
export const mutualRoomsEndpoints = endpoints({
  getMutualRooms: {
    method: 'GET',
    under: clientVersions('v1', 'unstable'),
    path: '/mutual_rooms',
    auth: 'user',
    served: 'main',
    class: 'main',
  },
  getMutualRoomsMsc2666: {
    method: 'GET',
    under: clientVersions('unstable/uk.half-shot.msc2666'),
    path: '/user/mutual_rooms',
    auth: 'user',
    served: 'main',
    class: 'main',
  },
})
