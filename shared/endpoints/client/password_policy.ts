import { clientVersions, endpoints } from '../types.ts'

/** Synapse's password policy, MSC2000. */
export const passwordPolicyEndpoints = endpoints({
  getPasswordPolicy: {
    method: 'GET',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/password_policy',
    auth: 'none',
    served: 'generic',
    class: 'register',
  },
})
