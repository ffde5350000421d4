import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `create_room.yaml`. */
export const createRoomEndpoints = endpoints({
  createRoom: {
    method: 'POST',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/createRoom',
    auth: 'user',
    served: 'generic',
    class: 'event_send',
    sticky: 'user',
  },
  createRoomWithTxn: {
    method: 'PUT',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/createRoom/{txnId}',
    auth: 'user',
    served: 'generic',
    class: 'event_send',
    sticky: 'user',
    replay: 'same',
  },
})
