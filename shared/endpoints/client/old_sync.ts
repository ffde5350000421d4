import { clientVersions, endpoints } from '../types.ts'

const under = clientVersions('api/v1', 'r0', 'v3', 'unstable')

/** Matrix v1.19, client-server API: `old_sync.yaml`. */
export const oldSyncEndpoints = endpoints({
  getEvents: {
    method: 'GET',
    under,
    path: '/events',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'sync',
    sticky: 'user',
  },
  initialSync: {
    method: 'GET',
    under,
    path: '/initialSync',
    auth: 'user',
    served: 'generic',
    class: 'initial_sync',
    sticky: 'user',
  },
  getOneEvent: {
    method: 'GET',
    under,
    path: '/events/{eventId}',
    auth: 'user',
    served: 'generic',
    class: 'client_read',
    sticky: 'user',
  },
})
