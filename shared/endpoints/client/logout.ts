import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `logout.yaml`. */
export const logoutEndpoints = endpoints({
  logout: {
    method: 'POST',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/logout',
    auth: 'user',
    barred: true,
    served: 'main',
    class: 'main',
    mas: 'delegated',
  },
  logout_all: {
    method: 'POST',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/logout/all',
    auth: 'user',
    barred: true,
    served: 'main',
    class: 'main',
    mas: 'delegated',
  },
})
