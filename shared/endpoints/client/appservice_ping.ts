import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `appservice_ping.yaml`. */
export const appservicePingEndpoints = endpoints({
  pingAppservice: {
    method: 'POST',
    under: clientVersions('v1', 'unstable'),
    path: '/appservice/{appserviceId}/ping',
    auth: 'appservice',
    served: 'generic',
    class: 'client_read',
  },
})
