import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `message_pagination.yaml`. */
export const messagePaginationEndpoints = endpoints({
  // One room's pages must come from one process, or a purge can overtake them.
  getRoomEvents: {
    method: 'GET',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/rooms/{roomId}/messages',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'messages',
    sticky: 'room',
  },
})
