import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `registration.yaml`. */
export const registrationEndpoints = endpoints({
  register: {
    method: 'POST',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/register',
    auth: 'none',
    served: 'generic',
    class: 'register',
    sticky: 'source_ip',
  },
  requestTokenToRegisterEmail: {
    method: 'POST',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/register/email/requestToken',
    auth: 'none',
    served: 'main',
    class: 'main',
    mas: 'off',
  },
  requestTokenToRegisterMSISDN: {
    method: 'POST',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/register/msisdn/requestToken',
    auth: 'none',
    served: 'main',
    class: 'main',
    mas: 'off',
  },
  // The link in the mail: the token is used up.
  submitTokenToRegister: {
    method: 'GET',
    under: clientVersions('unstable'),
    path: '/registration/{medium}/submit_token',
    auth: 'none',
    served: 'main',
    class: 'main',
    mas: 'off',
    replay: 'never',
  },
  checkUsernameAvailability: {
    method: 'GET',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/register/available',
    auth: 'none',
    served: 'generic',
    class: 'register',
    sticky: 'source_ip',
    mas: 'off',
  },
})
