import { endpoints } from '../types.ts'

/** Forward extremities of a room, MSC4370. */
export const federationExtremitiesEndpoints = endpoints({
  // Behind a flag. Workers register it in 1.163, but answer 500 to a server that may ask: they lack the storage.
  getForwardExtremities: {
    method: 'GET',
    under: ['/_matrix/federation/unstable/org.matrix.msc4370'],
    path: '/extremities/{roomId}',
    auth: 'federation',
    served: 'main',
    class: 'main',
  },
})
