import { clientVersions, endpoints } from '../types.ts'

const under = clientVersions('api/v1', 'r0', 'v3', 'unstable')

/** Matrix v1.19, client-server API: `banning.yaml`. */
export const banningEndpoints = endpoints({
  ban: {
    method: 'POST',
    under,
    path: '/rooms/{roomId}/ban',
    auth: 'user',
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
    emptyBody: true,
  },
  banWithTxn: {
    method: 'PUT',
    under,
    path: '/rooms/{roomId}/ban/{txnId}',
    auth: 'user',
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
    replay: 'same',
    emptyBody: true,
  },
  unban: {
    method: 'POST',
    under,
    path: '/rooms/{roomId}/unban',
    auth: 'user',
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
    emptyBody: true,
  },
  unbanWithTxn: {
    method: 'PUT',
    under,
    path: '/rooms/{roomId}/unban/{txnId}',
    auth: 'user',
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
    replay: 'same',
    emptyBody: true,
  },
})
