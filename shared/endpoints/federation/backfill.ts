import { endpoints } from '../types.ts'

/** Matrix v1.19, server-server API: `backfill.yaml`. */
export const federationBackfillEndpoints = endpoints({
  backfillRoom: {
    method: 'GET',
    under: ['/_matrix/federation/v1'],
    path: '/backfill/{roomId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
    sticky: 'room',
    optionalSlash: true,
  },
  getMissingPreviousEvents: {
    method: 'POST',
    under: ['/_matrix/federation/v1'],
    path: '/get_missing_events/{roomId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
    sticky: 'room',
  },
})
