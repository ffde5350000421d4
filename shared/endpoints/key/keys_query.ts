import { endpoints } from '../types.ts'

const under = ['/_matrix/key/v2']

/** Matrix v1.19, server-server API: `keys_query.yaml`. */
export const keysQueryEndpoints = endpoints({
  perspectivesKeyQuery: {
    method: 'GET',
    under,
    path: '/query/{serverName}',
    auth: 'none',
    served: 'generic',
    class: 'keys',
  },
  // Of one key, as it was before v1.6 of the specification.
  perspectivesKeyQueryById: {
    method: 'GET',
    under,
    path: '/query/{serverName}/{keyId}',
    auth: 'none',
    served: 'generic',
    class: 'keys',
  },
  bulkPerspectivesKeyQuery: {
    method: 'POST',
    under,
    path: '/query',
    auth: 'none',
    served: 'generic',
    class: 'keys',
  },
})
