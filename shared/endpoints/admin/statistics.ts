import { endpoints } from '../types.ts'

/** Synapse's admin API: statistics. */
export const adminStatisticsEndpoints = endpoints({
  getLargestRooms: {
    method: 'GET',
    under: ['/_synapse/admin/v1'],
    path: '/statistics/database/rooms',
    auth: 'admin',
    served: 'main',
    class: 'main',
  },
  getMediaStatistics: {
    method: 'GET',
    under: ['/_synapse/admin/v1'],
    path: '/statistics/users/media',
    auth: 'admin',
    served: 'main',
    class: 'main',
  },
})
