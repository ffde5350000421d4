import { clientVersions, endpoints } from '../types.ts'

const under = clientVersions('r0', 'v3', 'unstable')

/** Matrix v1.19, client-server API: `third_party_lookup.yaml`. */
export const thirdPartyLookupEndpoints = endpoints({
  getProtocols: {
    method: 'GET',
    under,
    path: '/thirdparty/protocols',
    auth: 'user',
    guests: true,
    served: 'main',
    class: 'main',
  },
  getProtocolMetadata: {
    method: 'GET',
    under,
    path: '/thirdparty/protocol/{protocol}',
    auth: 'user',
    guests: true,
    served: 'main',
    class: 'main',
    nonEmpty: ['protocol'],
  },
  queryLocationByProtocol: {
    method: 'GET',
    under,
    path: '/thirdparty/location/{protocol}',
    auth: 'user',
    guests: true,
    served: 'main',
    class: 'main',
    nonEmpty: ['protocol'],
  },
  queryUserByProtocol: {
    method: 'GET',
    under,
    path: '/thirdparty/user/{protocol}',
    auth: 'user',
    guests: true,
    served: 'main',
    class: 'main',
    nonEmpty: ['protocol'],
  },
  queryLocationByAlias: {
    method: 'GET',
    under,
    path: '/thirdparty/location',
    auth: 'user',
    guests: true,
    served: 'main',
    class: 'main',
  },
  queryUserByID: {
    method: 'GET',
    under,
    path: '/thirdparty/user',
    auth: 'user',
    guests: true,
    served: 'main',
    class: 'main',
  },
})
