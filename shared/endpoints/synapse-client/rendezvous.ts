import { endpoints } from '../types.ts'

const under = ['/_synapse/client']

/** The sessions of MSC4108, by the address that its creation returned. */
export const synapseRendezvousEndpoints = endpoints({
  getRendezvousSession: {
    method: 'GET',
    under,
    path: '/rendezvous/{sessionId}',
    auth: 'none',
    served: 'main',
    class: 'main',
  },
  putRendezvousSession: {
    method: 'PUT',
    under,
    path: '/rendezvous/{sessionId}',
    auth: 'none',
    served: 'main',
    class: 'main',
  },
  deleteRendezvousSession: {
    method: 'DELETE',
    under,
    path: '/rendezvous/{sessionId}',
    auth: 'none',
    served: 'main',
    class: 'main',
  },
})
