import { endpoints } from '../types.ts'

/** Matrix v1.19, server-server API: `openid.yaml`. */
export const federationOpenidEndpoints = endpoints({
  exchangeOpenIdToken: {
    method: 'GET',
    under: ['/_matrix/federation/v1'],
    path: '/openid/userinfo',
    auth: 'none',
    // Workers register it, but have no storage for OpenID tokens: a valid token gets 500 from them (seen on 1.163).
    served: 'main',
    class: 'main',
  },
})
