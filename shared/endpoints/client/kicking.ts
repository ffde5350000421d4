import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `kicking.yaml`. */
export const kickingEndpoints = endpoints({
  kick: {
    method: 'POST',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/rooms/{roomId}/kick',
    auth: 'user',
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
    emptyBody: true,
  },
  kickWithTxn: {
    method: 'PUT',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/rooms/{roomId}/kick/{txnId}',
    auth: 'user',
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
    replay: 'same',
    emptyBody: true,
  },
})
