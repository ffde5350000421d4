import { endpoints } from '../types.ts'

const under = ['/_synapse/admin/v1']

/** Synapse's admin API: purge of old events. */
export const adminPurgeHistoryEndpoints = endpoints({
  purgeHistory: {
    method: 'POST',
    under,
    path: '/purge_history/{roomId}',
    auth: 'admin',
    served: 'main',
    class: 'main',
    emptyBody: true,
  },
  purgeHistoryBefore: {
    method: 'POST',
    under,
    path: '/purge_history/{roomId}/{eventId}',
    auth: 'admin',
    served: 'main',
    class: 'main',
    emptyBody: true,
  },
  getPurgeHistoryStatus: {
    method: 'GET',
    under,
    path: '/purge_history_status/{purgeId}',
    auth: 'admin',
    served: 'main',
    class: 'main',
  },
})
