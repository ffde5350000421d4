import { endpoints } from '../types.ts'

/** Matrix v1.19, client-server and server-server API: `wellknown.yaml`. */
export const wellKnownEndpoints = endpoints({
  getWellknown: {
    method: 'GET',
    under: ['/.well-known/matrix'],
    path: '/client',
    auth: 'none',
    served: 'generic',
    class: 'client_read',
  },
  getWellKnown: {
    method: 'GET',
    under: ['/.well-known/matrix'],
    path: '/server',
    auth: 'none',
    served: 'generic',
    class: 'client_read',
  },
})
