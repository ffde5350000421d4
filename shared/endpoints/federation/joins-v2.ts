import { endpoints } from '../types.ts'

/** Matrix v1.19, server-server API: `joins-v2.yaml`. */
export const federationJoinsV2Endpoints = endpoints({
  sendJoinV2: {
    method: 'PUT',
    under: ['/_matrix/federation/v2'],
    path: '/send_join/{roomId}/{eventId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_write',
    sticky: 'room',
  },
})
