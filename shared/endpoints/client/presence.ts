import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `presence.yaml`. */
export const presenceEndpoints = endpoints({
  setPresence: {
    method: 'PUT',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/presence/{userId}/status',
    auth: 'user',
    served: { writer: 'presence', hard: false },
    class: 'presence',
    sticky: 'user',
  },
  getPresence: {
    method: 'GET',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/presence/{userId}/status',
    auth: 'user',
    served: 'generic',
    class: 'presence',
    sticky: 'user',
  },
})
