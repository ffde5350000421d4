import { endpoints } from '../types.ts'

/** Synapse's room complexity, asked before a join. */
export const federationComplexityEndpoints = endpoints({
  getRoomComplexity: {
    method: 'GET',
    under: ['/_matrix/federation/unstable'],
    path: '/rooms/{roomId}/complexity',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
    sticky: 'room',
  },
})
