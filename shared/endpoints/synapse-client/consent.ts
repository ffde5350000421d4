import { endpoints } from '../types.ts'

/** The terms of service form of Synapse's consent tracking. */
export const synapseConsentEndpoints = endpoints({
  getConsentForm: {
    method: 'GET',
    under: ['/_matrix'],
    path: '/consent',
    auth: 'none',
    served: 'main',
    class: 'main',
  },
  postConsentForm: {
    method: 'POST',
    under: ['/_matrix'],
    path: '/consent',
    auth: 'none',
    served: 'main',
    class: 'main',
  },
})
