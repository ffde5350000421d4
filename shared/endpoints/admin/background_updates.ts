import { endpoints } from '../types.ts'

const under = ['/_synapse/admin/v1']

/** Synapse's admin API: background updates of the database. */
export const adminBackgroundUpdatesEndpoints = endpoints({
  getBackgroundUpdatesEnabled: {
    method: 'GET',
    under,
    path: '/background_updates/enabled',
    auth: 'admin',
    served: 'main',
    class: 'main',
  },
  setBackgroundUpdatesEnabled: {
    method: 'POST',
    under,
    path: '/background_updates/enabled',
    auth: 'admin',
    served: 'main',
    class: 'main',
  },
  getBackgroundUpdatesStatus: {
    method: 'GET',
    under,
    path: '/background_updates/status',
    auth: 'admin',
    served: 'main',
    class: 'main',
  },
  startBackgroundUpdate: {
    method: 'POST',
    under,
    path: '/background_updates/start_job',
    auth: 'admin',
    served: 'main',
    class: 'main',
  },
})
