import { endpoints } from '../types.ts'

const under = ['/_synapse/admin/v1']

/** Synapse's admin API: destinations of federation. */
export const adminFederationEndpoints = endpoints({
  listDestinations: {
    method: 'GET',
    under,
    path: '/federation/destinations',
    auth: 'admin',
    served: 'main',
    class: 'main',
  },
  getDestination: {
    method: 'GET',
    under,
    path: '/federation/destinations/{destination}',
    auth: 'admin',
    served: 'main',
    class: 'main',
  },
  listRoomsOfDestination: {
    method: 'GET',
    under,
    path: '/federation/destinations/{destination}/rooms',
    auth: 'admin',
    served: 'main',
    class: 'main',
  },
  resetDestination: {
    method: 'POST',
    under,
    path: '/federation/destinations/{destination}/reset_connection',
    auth: 'admin',
    served: 'main',
    class: 'main',
    nonEmpty: ['destination'],
  },
})
