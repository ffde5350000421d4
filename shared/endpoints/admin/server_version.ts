import { endpoints } from '../types.ts'

/** Synapse's admin API: the version. */
export const adminServerVersionEndpoints = endpoints({
  getServerVersion: {
    method: 'GET',
    under: ['/_synapse/admin/v1'],
    path: '/server_version',
    auth: 'none',
    served: 'main',
    class: 'main',
  },
})
