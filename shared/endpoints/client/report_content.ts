import { object, string } from '../../schema.ts'
import { clientVersions, endpoints } from '../types.ts'

const reason = object({ reason: string() })

/** Matrix v1.19, client-server API: `report_content.yaml`. */
export const reportContentEndpoints = endpoints({
  reportRoom: {
    method: 'POST',
    under: clientVersions('v3'),
    path: '/rooms/{roomId}/report',
    auth: 'user',
    served: 'main',
    class: 'main',
    body: reason,
  },
  reportEvent: {
    method: 'POST',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/rooms/{roomId}/report/{eventId}',
    auth: 'user',
    served: 'main',
    class: 'main',
  },
  reportUser: {
    method: 'POST',
    under: clientVersions('v3'),
    path: '/users/{userId}/report',
    auth: 'user',
    served: 'main',
    class: 'main',
    body: reason,
  },
})
