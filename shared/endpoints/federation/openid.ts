import { endpoints } from '../types.ts'

/** Matrix v1.19, server-server API: `openid.yaml`. */
export const federationOpenidEndpoints = endpoints({
  exchangeOpenIdToken: {
    method: 'GET',
    under: ['/_matrix/federation/v1'],
    path: '/openid/userinfo',
    auth: 'none',
    served: 'generic',
    class: 'federation_read',
  },
})
