import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `typing.yaml`. */
export const typingEndpoints = endpoints({
  setTyping: {
    method: 'PUT',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/rooms/{roomId}/typing/{userId}',
    auth: 'user',
    served: { writer: 'typing', hard: true },
    class: 'typing',
    sticky: 'room',
  },
})
