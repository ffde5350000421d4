import { endpoints } from '../types.ts'

/** Matrix v1.19, server-server API: `public_rooms.yaml`. */
export const federationPublicRoomsEndpoints = endpoints({
  getPublicRooms: {
    method: 'GET',
    under: ['/_matrix/federation/v1'],
    path: '/publicRooms',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
  },
  queryPublicRooms: {
    method: 'POST',
    under: ['/_matrix/federation/v1'],
    path: '/publicRooms',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
  },
})
