import { endpoints } from '../types.ts'

/** Matrix v1.19, server-server API: `transactions.yaml`. */
export const federationTransactionsEndpoints = endpoints({
  // By the sending server, which sends one transaction after the other; Synapse tells a repeated one by origin and ID.
  sendTransaction: {
    method: 'PUT',
    under: ['/_matrix/federation/v1'],
    path: '/send/{txnId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_in',
    sticky: 'origin',
    replay: 'same',
    optionalSlash: true,
  },
})
