import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `oauth_server_metadata.yaml`. */
export const oauthServerMetadataEndpoints = endpoints({
  getAuthMetadata: {
    method: 'GET',
    under: clientVersions('v1', 'unstable', 'unstable/org.matrix.msc2965'),
    path: '/auth_metadata',
    auth: 'none',
    served: 'generic',
    class: 'client_read',
    since: [1, 123],
    mas: 'on',
  },
  // Dropped in 1.161.
  getAuthIssuer: {
    method: 'GET',
    under: clientVersions('unstable/org.matrix.msc2965'),
    path: '/auth_issuer',
    auth: 'none',
    served: 'generic',
    class: 'client_read',
    since: [1, 123],
    until: [1, 160],
    mas: 'on',
  },
})
