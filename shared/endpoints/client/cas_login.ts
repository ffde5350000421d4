import { clientVersions, endpoints } from '../types.ts'

/** Login with CAS. Synapse registers it where CAS is configured. */
export const casLoginEndpoints = endpoints({
  redirectToCas: {
    method: 'GET',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/login/cas/redirect',
    auth: 'none',
    served: 'sso',
    class: 'sso',
    sticky: 'source_ip',
    mas: 'off',
  },
  // The ticket is used up.
  redeemCasTicket: {
    method: 'GET',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/login/cas/ticket',
    auth: 'none',
    served: 'sso',
    class: 'sso',
    sticky: 'source_ip',
    mas: 'off',
    replay: 'never',
  },
})
