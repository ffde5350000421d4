import { endpoints } from '../types.ts'

/** Matrix v1.19, server-server API: `invites-v2.yaml`. */
export const federationInvitesV2Endpoints = endpoints({
  sendInviteV2: {
    method: 'PUT',
    under: ['/_matrix/federation/v2'],
    path: '/invite/{roomId}/{eventId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_write',
    sticky: 'room',
  },
})
