import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `filter.yaml`. */
export const filterEndpoints = endpoints({
  defineFilter: {
    method: 'POST',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/user/{userId}/filter',
    auth: 'user',
    served: 'generic',
    class: 'client_read',
    sticky: 'user',
  },
  getFilter: {
    method: 'GET',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/user/{userId}/filter/{filterId}',
    auth: 'user',
    served: 'generic',
    class: 'client_read',
    sticky: 'user',
  },
})
