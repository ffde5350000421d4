import { endpoints } from '../types.ts'

/** Matrix v1.19, server-server API: `joins-v1.yaml`. */
export const federationJoinsV1Endpoints = endpoints({
  makeJoin: {
    method: 'GET',
    under: ['/_matrix/federation/v1'],
    path: '/make_join/{roomId}/{userId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
    sticky: 'room',
  },
  sendJoinV1: {
    method: 'PUT',
    under: ['/_matrix/federation/v1'],
    path: '/send_join/{roomId}/{eventId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_write',
    sticky: 'room',
  },
})
