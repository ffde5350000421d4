import { clientVersions, endpoints } from '../types.ts'

/** User-interactive authentication in a web view: the fallback pages of client-server-api/#fallback. */
export const authFallbackEndpoints = endpoints({
  getAuthFallbackPage: {
    method: 'GET',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/auth/{authType}/fallback/web',
    auth: 'none',
    served: 'main',
    class: 'main',
  },
  submitAuthFallbackPage: {
    method: 'POST',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/auth/{authType}/fallback/web',
    auth: 'none',
    served: 'main',
    class: 'main',
  },
})
