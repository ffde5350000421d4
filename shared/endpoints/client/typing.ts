import { boolean, integer, object, optional } from '../../schema.ts'
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
    body: object({ typing: boolean(), timeout: optional(integer({ minimum: 0 })) }),
  },
})
