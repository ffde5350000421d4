import { endpoints } from '../types.ts'

/** Matrix v1.19, server-server API: `knocks.yaml`. */
export const federationKnocksEndpoints = endpoints({
  makeKnock: {
    method: 'GET',
    under: ['/_matrix/federation/v1'],
    path: '/make_knock/{roomId}/{userId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
    sticky: 'room',
  },
  sendKnock: {
    method: 'PUT',
    under: ['/_matrix/federation/v1'],
    path: '/send_knock/{roomId}/{eventId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_write',
    sticky: 'room',
  },
})
