import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `openid.yaml`. */
export const openidEndpoints = endpoints({
  requestOpenIdToken: {
    method: 'POST',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/user/{userId}/openid/request_token',
    auth: 'user',
    served: 'main',
    class: 'main',
  },
})
