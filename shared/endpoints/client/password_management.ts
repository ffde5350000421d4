import { clientVersions, endpoints } from '../types.ts'

const under = clientVersions('r0', 'v3', 'unstable')

/** Matrix v1.19, client-server API: `password_management.yaml`. */
export const passwordManagementEndpoints = endpoints({
  changePassword: {
    method: 'POST',
    under,
    path: '/account/password',
    auth: 'user?',
    served: 'main',
    class: 'main',
    mas: 'off',
  },
  requestTokenToResetPasswordEmail: {
    method: 'POST',
    under,
    path: '/account/password/email/requestToken',
    auth: 'none',
    served: 'main',
    class: 'main',
    mas: 'off',
  },
  requestTokenToResetPasswordMSISDN: {
    method: 'POST',
    under,
    path: '/account/password/msisdn/requestToken',
    auth: 'none',
    served: 'main',
    class: 'main',
    mas: 'off',
  },
})
