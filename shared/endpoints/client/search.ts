import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `search.yaml`. */
export const searchEndpoints = endpoints({
  search: {
    method: 'POST',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/search',
    auth: 'user',
    served: 'generic',
    class: 'client_read',
    sticky: 'user',
  },
})
