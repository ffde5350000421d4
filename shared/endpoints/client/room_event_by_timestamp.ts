import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `room_event_by_timestamp.yaml`. */
export const roomEventByTimestampEndpoints = endpoints({
  getEventByTimestamp: {
    method: 'GET',
    under: clientVersions('v1'),
    path: '/rooms/{roomId}/timestamp_to_event',
    auth: 'user',
    served: 'generic',
    class: 'room_read',
    sticky: 'room',
  },
})
