import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `inviting.yaml`. */
export const invitingEndpoints = endpoints({
  inviteUser: {
    method: 'POST',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/rooms/{roomId}/invite',
    auth: 'user',
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
    emptyBody: true,
  },
  inviteUserWithTxn: {
    method: 'PUT',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/rooms/{roomId}/invite/{txnId}',
    auth: 'user',
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
    replay: 'same',
    emptyBody: true,
  },
})
