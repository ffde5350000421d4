import { endpoints } from '../types.ts'

/** Matrix v1.19, server-server API: `leaving-v1.yaml`. */
export const federationLeavingV1Endpoints = endpoints({
  makeLeave: {
    method: 'GET',
    under: ['/_matrix/federation/v1'],
    path: '/make_leave/{roomId}/{userId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
    sticky: 'room',
  },
  sendLeaveV1: {
    method: 'PUT',
    under: ['/_matrix/federation/v1'],
    path: '/send_leave/{roomId}/{eventId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_write',
    sticky: 'room',
  },
})
