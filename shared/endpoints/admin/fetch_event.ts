import { endpoints } from '../types.ts'

/** Synapse's admin API: an event by its ID. */
export const adminFetchEventEndpoints = endpoints({
  fetchEvent: {
    method: 'GET',
    under: ['/_synapse/admin/v1'],
    path: '/fetch_event/{eventId}',
    auth: 'admin',
    served: 'main',
    class: 'main',
  },
})
