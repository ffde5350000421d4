import { endpoints } from '../types.ts'

/** Forward extremities of a room, MSC4370. */
export const federationExtremitiesEndpoints = endpoints({
  // MSC4370, behind a flag; seen on workers in 1.163.
  getForwardExtremities: {
    method: 'GET',
    under: ['/_matrix/federation/unstable/org.matrix.msc4370'],
    path: '/extremities/{roomId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
    sticky: 'room',
    since: [1, 163],
  },
})
