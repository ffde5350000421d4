import { endpoints } from '../types.ts'

/** The link under notification mails. */
export const synapseUnsubscribeEndpoints = endpoints({
  getUnsubscribe: {
    method: 'GET',
    under: ['/_synapse/client'],
    path: '/unsubscribe',
    auth: 'none',
    served: 'main',
    class: 'main',
  },
  postUnsubscribe: {
    method: 'POST',
    under: ['/_synapse/client'],
    path: '/unsubscribe',
    auth: 'none',
    served: 'main',
    class: 'main',
  },
})
