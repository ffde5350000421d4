import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `room_send.yaml`. */
export const roomSendEndpoints = endpoints({
  sendMessage: {
    method: 'PUT',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/rooms/{roomId}/send/{eventType}/{txnId}',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
    replay: 'any',
  },
  sendMessageWithoutTxn: {
    method: 'POST',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/rooms/{roomId}/send/{eventType}',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
  },
})
