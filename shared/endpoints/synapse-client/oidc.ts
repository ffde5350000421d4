import { endpoints } from '../types.ts'

const under = ['/_synapse/client']

/** OpenID Connect: where the provider sends the browser back. The session is in a cookie and in the memory of one process. */
export const synapseOidcEndpoints = endpoints({
  // The authorisation code is used up.
  oidcCallback: {
    method: 'GET',
    under,
    path: '/oidc/callback',
    auth: 'none',
    served: 'sso',
    class: 'sso',
    sticky: 'source_ip',
    mas: 'off',
    replay: 'never',
  },
  oidcCallbackForm: {
    method: 'POST',
    under,
    path: '/oidc/callback',
    auth: 'none',
    served: 'sso',
    class: 'sso',
    sticky: 'source_ip',
    mas: 'off',
  },
  oidcBackchannelLogout: {
    method: 'POST',
    under,
    path: '/oidc/backchannel_logout',
    auth: 'none',
    served: 'sso',
    class: 'sso',
    sticky: 'source_ip',
    mas: 'off',
  },
})
