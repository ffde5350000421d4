import { endpoints } from '../types.ts'

const under = ['/_matrix/federation/v1']

/** Matrix v1.19, server-server API: `query.yaml`. */
export const federationQueryEndpoints = endpoints({
  queryInfo: {
    method: 'GET',
    under,
    path: '/query/{queryType}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
  },
  queryRoomDirectory: {
    method: 'GET',
    under,
    path: '/query/directory',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
  },
  queryProfile: {
    method: 'GET',
    under,
    path: '/query/profile',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
  },
})
