import { endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `policy_server.yaml`. */
export const wellKnownPolicyServerEndpoints = endpoints({
  getWellknownPolicy: {
    method: 'GET',
    under: ['/.well-known/matrix'],
    path: '/policy_server',
    auth: 'none',
    served: 'generic',
    class: 'client_read',
  },
})
