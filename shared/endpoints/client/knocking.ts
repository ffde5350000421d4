import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `knocking.yaml`. */
export const knockingEndpoints = endpoints({
  knockRoom: {
    method: 'POST',
    under: clientVersions('r0', 'v3', 'unstable'),
    path: '/knock/{roomIdOrAlias}',
    auth: 'user',
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
  },
})
