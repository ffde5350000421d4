import { clientVersions, endpoints } from '../types.ts'

const under = clientVersions('r0', 'v3', 'unstable')

/** Matrix v1.19, client-server API: `tags.yaml`. */
export const tagsEndpoints = endpoints({
  getRoomTags: {
    method: 'GET',
    under,
    path: '/user/{userId}/rooms/{roomId}/tags',
    auth: 'user',
    served: 'generic',
    class: 'account_data',
    sticky: 'user',
  },
  setRoomTag: {
    method: 'PUT',
    under,
    path: '/user/{userId}/rooms/{roomId}/tags/{tag}',
    auth: 'user',
    served: { writer: 'account_data', hard: false },
    class: 'account_data',
    sticky: 'user',
  },
  deleteRoomTag: {
    method: 'DELETE',
    under,
    path: '/user/{userId}/rooms/{roomId}/tags/{tag}',
    auth: 'user',
    served: { writer: 'account_data', hard: false },
    class: 'account_data',
    sticky: 'user',
  },
})
