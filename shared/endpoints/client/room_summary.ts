import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `room_summary.yaml`. */
export const roomSummaryEndpoints = endpoints({
  getRoomSummary: {
    method: 'GET',
    under: clientVersions('v1'),
    path: '/room_summary/{roomIdOrAlias}',
    auth: 'user?',
    guests: true,
    served: 'generic',
    class: 'room_read',
    sticky: 'room',
    since: [1, 156],
  },
  // MSC3266, behind a flag until the stable path came.
  getRoomSummaryMsc3266: {
    method: 'GET',
    under: clientVersions('unstable/im.nheko.summary'),
    path: '/summary/{roomIdOrAlias}',
    auth: 'user?',
    guests: true,
    served: 'generic',
    class: 'room_read',
    sticky: 'room',
    since: [1, 107],
  },
  getRoomSummaryMsc3266Old: {
    method: 'GET',
    under: clientVersions('unstable/im.nheko.summary'),
    path: '/rooms/{roomIdOrAlias}/summary',
    auth: 'user?',
    guests: true,
    served: 'generic',
    class: 'room_read',
    sticky: 'room',
  },
})
