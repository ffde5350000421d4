import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `whoami.yaml`. */
export const whoamiEndpoints = endpoints({
  getTokenOwner: {
    method: 'GET',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/account/whoami',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'account',
    sticky: 'user',
  },
})
