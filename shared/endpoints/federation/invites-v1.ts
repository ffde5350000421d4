import { endpoints } from '../types.ts'

/** Matrix v1.19, server-server API: `invites-v1.yaml`. */
export const federationInvitesV1Endpoints = endpoints({
  sendInviteV1: {
    method: 'PUT',
    under: ['/_matrix/federation/v1'],
    path: '/invite/{roomId}/{eventId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_write',
    sticky: 'room',
  },
})
