import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `login.yaml`. */
export const loginEndpoints = endpoints({
  getLoginFlows: {
    method: 'GET',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/login',
    auth: 'none',
    served: 'generic',
    class: 'login',
    sticky: 'source_ip',
    mas: 'delegated',
  },
  login: {
    method: 'POST',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/login',
    auth: 'none',
    served: 'generic',
    class: 'login',
    sticky: 'source_ip',
    mas: 'delegated',
  },
})
