import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `event_context.yaml`. */
export const eventContextEndpoints = endpoints({
  getEventContext: {
    method: 'GET',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/rooms/{roomId}/context/{eventId}',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'room_read',
    sticky: 'room',
  },
})
