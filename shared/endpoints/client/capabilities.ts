import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `capabilities.yaml`. */
export const capabilitiesEndpoints = endpoints({
  getCapabilities: {
    method: 'GET',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/capabilities',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'client_read',
    sticky: 'user',
  },
})
