import { endpoints } from '../types.ts'

/** Matrix v1.19, server-server API: `version.yaml`. */
export const federationVersionEndpoints = endpoints({
  getVersion: {
    method: 'GET',
    under: ['/_matrix/federation/v1'],
    path: '/version',
    auth: 'none',
    served: 'generic',
    class: 'federation_read',
  },
})
