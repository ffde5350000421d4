import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `account_deactivation.yaml`. */
export const accountDeactivationEndpoints = endpoints({
  deactivateAccount: {
    method: 'POST',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/account/deactivate',
    auth: 'user?',
    served: 'generic',
    class: 'account',
    sticky: 'user',
    since: [1, 135],
    mas: 'off',
  },
})
