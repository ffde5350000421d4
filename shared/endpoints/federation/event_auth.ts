import { endpoints } from '../types.ts'

/** Matrix v1.19, server-server API: `event_auth.yaml`. */
export const federationEventAuthEndpoints = endpoints({
  getEventAuth: {
    method: 'GET',
    under: ['/_matrix/federation/v1'],
    path: '/event_auth/{roomId}/{eventId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
    sticky: 'uri',
  },
})
