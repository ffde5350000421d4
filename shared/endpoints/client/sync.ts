import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `sync.yaml`. */
export const syncEndpoints = endpoints({
  sync: {
    method: 'GET',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/sync',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'sync',
    sticky: 'user',
    initialClass: 'initial_sync',
  },
})
