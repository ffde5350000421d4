import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `peeking_events.yaml`. */
export const peekingEventsEndpoints = endpoints({
  peekEvents: {
    method: 'GET',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/events',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'sync',
    sticky: 'user',
  },
})
