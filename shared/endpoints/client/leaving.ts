import { clientVersions, endpoints } from '../types.ts'

const under = clientVersions('api/v1', 'r0', 'v3', 'unstable')

/** Matrix v1.19, client-server API: `leaving.yaml`. */
export const leavingEndpoints = endpoints({
  leaveRoom: {
    method: 'POST',
    under,
    path: '/rooms/{roomId}/leave',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
    emptyBody: true,
  },
  leaveRoomWithTxn: {
    method: 'PUT',
    under,
    path: '/rooms/{roomId}/leave/{txnId}',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
    replay: 'same',
    emptyBody: true,
  },
  forgetRoom: {
    method: 'POST',
    under,
    path: '/rooms/{roomId}/forget',
    auth: 'user',
    served: 'main',
    class: 'main',
  },
  forgetRoomWithTxn: {
    method: 'PUT',
    under,
    path: '/rooms/{roomId}/forget/{txnId}',
    auth: 'user',
    served: 'main',
    class: 'main',
    replay: 'same',
  },
})
