import { clientVersions, endpoints } from '../types.ts'

/** What application services may ask of their homeserver: MSC4502, MSC4512. */
export const appserviceProxyEndpoints = endpoints({
  // MSC4502 and MSC4512, behind flags; seen on workers in 1.163.
  isUserOfAppserviceJoined: {
    method: 'GET',
    under: clientVersions('unstable/io.element.msc4502'),
    path: '/rooms/{roomId}/is_joined',
    auth: 'appservice',
    served: 'generic',
    class: 'room_read',
    sticky: 'room',
    since: [1, 163],
  },
  proxyFederationForAppservice: {
    method: 'POST',
    under: clientVersions('unstable/io.element.msc4512'),
    path: '/appservice/fed_proxy',
    auth: 'appservice',
    served: 'generic',
    class: 'client_read',
    since: [1, 163],
  },
})
