import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `third_party_membership.yaml`. */
export const thirdPartyMembershipEndpoints = endpoints({
  inviteBy3PID: {
    method: 'POST',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/rooms/{roomId}/invite',
    auth: 'user',
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
    emptyBody: true,
  },
})
