import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `registration_tokens.yaml`. */
export const registrationTokensEndpoints = endpoints({
  registrationTokenValidity: {
    method: 'GET',
    under: clientVersions('v1', 'unstable'),
    path: '/register/m.login.registration_token/validity',
    auth: 'none',
    served: 'generic',
    class: 'register',
    sticky: 'source_ip',
    mas: 'off',
  },
})
