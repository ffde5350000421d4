import { endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `support.yaml`. */
export const wellKnownSupportEndpoints = endpoints({
  getWellknownSupport: {
    method: 'GET',
    under: ['/.well-known/matrix'],
    path: '/support',
    auth: 'none',
    served: 'generic',
    class: 'client_read',
  },
})
