import { endpoints } from '../types.ts'

const under = ['/_matrix/federation/v1']

/** Matrix v1.19, server-server API: `events.yaml`. */
export const federationEventsEndpoints = endpoints({
  // By the whole request: servers ask for the same state at the same time, and it is expensive to make twice.
  getRoomState: {
    method: 'GET',
    under,
    path: '/state/{roomId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
    sticky: 'uri',
    optionalSlash: true,
  },
  getRoomStateIds: {
    method: 'GET',
    under,
    path: '/state_ids/{roomId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
    sticky: 'uri',
    optionalSlash: true,
  },
  getEvent: {
    method: 'GET',
    under,
    path: '/event/{eventId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
    sticky: 'uri',
    optionalSlash: true,
  },
  getEventByTimestamp: {
    method: 'GET',
    under,
    path: '/timestamp_to_event/{roomId}',
    auth: 'federation',
    served: 'generic',
    class: 'federation_read',
    sticky: 'room',
    optionalSlash: true,
  },
})
