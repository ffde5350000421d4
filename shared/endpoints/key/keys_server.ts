import { endpoints } from '../types.ts'

/** Matrix v1.19, server-server API: `keys_server.yaml`. */
export const keysServerEndpoints = endpoints({
  getServerKey: {
    method: 'GET',
    under: ['/_matrix/key/v2'],
    path: '/server',
    auth: 'none',
    served: 'generic',
    class: 'keys',
  },
  getServerKeyById: {
    method: 'GET',
    under: ['/_matrix/key/v2'],
    path: '/server/{keyId}',
    auth: 'none',
    served: 'generic',
    class: 'keys',
  },
})
