import { clientVersions, endpoints } from '../types.ts'

const under = clientVersions('api/v1', 'r0', 'v3', 'unstable')

/** Matrix v1.19, client-server API: `joining.yaml`. */
export const joiningEndpoints = endpoints({
  joinRoomById: {
    method: 'POST',
    under,
    path: '/rooms/{roomId}/join',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
    emptyBody: true,
  },
  joinRoomByIdWithTxn: {
    method: 'PUT',
    under,
    path: '/rooms/{roomId}/join/{txnId}',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
    replay: 'same',
    emptyBody: true,
  },
  joinRoom: {
    method: 'POST',
    under,
    path: '/join/{roomIdOrAlias}',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
    emptyBody: true,
  },
  joinRoomWithTxn: {
    method: 'PUT',
    under,
    path: '/join/{roomIdOrAlias}/{txnId}',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
    replay: 'same',
    emptyBody: true,
  },
})
