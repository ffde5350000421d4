import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `room_initial_sync.yaml`. */
export const roomInitialSyncEndpoints = endpoints({
  roomInitialSync: {
    method: 'GET',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/rooms/{roomId}/initialSync',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'initial_sync',
    sticky: 'user',
  },
})
