import { endpoints } from '../types.ts'

/** Matrix v1.19, server-server API: `leaving-v2.yaml`. */
export const federationLeavingV2Endpoints = endpoints({
  sendLeaveV2: {
    method: 'PUT',
    under: ['/_matrix/federation/v2'],
    path: '/send_leave/{roomId}/{eventId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_write',
    sticky: 'room',
  },
})
