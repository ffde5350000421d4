import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `login_token.yaml`. */
export const loginTokenEndpoints = endpoints({
  generateLoginToken: {
    method: 'POST',
    under: clientVersions('v1'),
    path: '/login/get_token',
    auth: 'user',
    served: 'main',
    class: 'main',
    mas: 'off',
  },
  generateLoginTokenMsc3882: {
    method: 'POST',
    under: clientVersions('unstable/org.matrix.msc3882'),
    path: '/login/token',
    auth: 'user',
    served: 'main',
    class: 'main',
    mas: 'off',
  },
})
