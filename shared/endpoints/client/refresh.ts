import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `refresh.yaml`. */
export const refreshEndpoints = endpoints({
  refresh: {
    method: 'POST',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/refresh',
    auth: 'none',
    served: 'main',
    class: 'main',
    mas: 'delegated',
  },
  // Its forerunner, always refused.
  tokenRefresh: {
    method: 'POST',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/tokenrefresh',
    auth: 'none',
    served: 'main',
    class: 'main',
  },
})
