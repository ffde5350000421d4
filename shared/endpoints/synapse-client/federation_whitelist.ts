import { endpoints } from '../types.ts'

/** Whom this server federates with. */
export const synapseFederationWhitelistEndpoints = endpoints({
  getFederationWhitelist: {
    method: 'GET',
    under: ['/_synapse/client'],
    path: '/v1/config/federation_whitelist',
    auth: 'user',
    served: 'main',
    class: 'main',
  },
})
