import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `voip.yaml`. */
export const voipEndpoints = endpoints({
  getTurnServer: {
    method: 'GET',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/voip/turnServer',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'client_read',
    sticky: 'user',
  },
})
