import { endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `versions.yaml`. */
export const versionsEndpoints = endpoints({
  getVersions: {
    method: 'GET',
    under: ['/_matrix/client'],
    path: '/versions',
    auth: 'user?',
    guests: true,
    barred: true,
    served: 'generic',
    class: 'client_read',
  },
})
