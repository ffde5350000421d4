import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `sso_login_redirect.yaml`. */
export const ssoLoginRedirectEndpoints = endpoints({
  redirectToSSO: {
    method: 'GET',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/login/sso/redirect',
    auth: 'none',
    served: 'sso',
    class: 'sso',
    sticky: 'source_ip',
    mas: 'delegated',
  },
  redirectToIdP: {
    method: 'GET',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/login/sso/redirect/{idpId}',
    auth: 'none',
    served: 'sso',
    class: 'sso',
    sticky: 'source_ip',
    mas: 'delegated',
    nonEmpty: ['idpId'],
  },
})
