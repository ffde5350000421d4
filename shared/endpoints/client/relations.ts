import { clientVersions, endpoints } from '../types.ts'

const under = clientVersions('v1', 'unstable')

/** Matrix v1.19, client-server API: `relations.yaml`. */
export const relationsEndpoints = endpoints({
  getRelatingEvents: {
    method: 'GET',
    under,
    path: '/rooms/{roomId}/relations/{eventId}',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'room_read',
    sticky: 'room',
  },
  getRelatingEventsWithRelType: {
    method: 'GET',
    under,
    path: '/rooms/{roomId}/relations/{eventId}/{relType}',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'room_read',
    sticky: 'room',
  },
  getRelatingEventsWithRelTypeAndEventType: {
    method: 'GET',
    under,
    path: '/rooms/{roomId}/relations/{eventId}/{relType}/{eventType}',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'room_read',
    sticky: 'room',
  },
})
