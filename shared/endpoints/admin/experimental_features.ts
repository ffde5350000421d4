import { endpoints } from '../types.ts'

/** Synapse's admin API: experimental features per user. */
export const adminExperimentalFeaturesEndpoints = endpoints({
  getExperimentalFeatures: {
    method: 'GET',
    under: ['/_synapse/admin/v1'],
    path: '/experimental_features/{userId}',
    auth: 'admin',
    served: 'main',
    class: 'main',
  },
  setExperimentalFeatures: {
    method: 'PUT',
    under: ['/_synapse/admin/v1'],
    path: '/experimental_features/{userId}',
    auth: 'admin',
    served: 'main',
    class: 'main',
  },
})
