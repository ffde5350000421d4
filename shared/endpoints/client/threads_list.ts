import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `threads_list.yaml`. */
export const threadsListEndpoints = endpoints({
  getThreadRoots: {
    method: 'GET',
    under: clientVersions('v1'),
    path: '/rooms/{roomId}/threads',
    auth: 'user',
    served: 'generic',
    class: 'room_read',
    sticky: 'room',
  },
})
