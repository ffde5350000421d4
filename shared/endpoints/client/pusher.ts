import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `pusher.yaml`. */
export const pusherEndpoints = endpoints({
  getPushers: {
    method: 'GET',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/pushers',
    auth: 'user',
    served: 'main',
    class: 'main',
  },
  postPusher: {
    method: 'POST',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/pushers/set',
    auth: 'user',
    served: 'main',
    class: 'main',
  },
  // A link in a mail, with a token of its own. It removes a pusher, though it is a GET.
  removePusher: {
    method: 'GET',
    under: clientVersions('unstable'),
    path: '/pushers/remove',
    auth: 'none',
    served: 'main',
    class: 'main',
    replay: 'never',
  },
})
