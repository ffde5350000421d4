import { clientVersions, endpoints } from '../types.ts'

/** Matrix v1.19, client-server API: `room_state.yaml`. */
export const roomStateEndpoints = endpoints({
  setRoomStateWithKey: {
    method: 'PUT',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/rooms/{roomId}/state/{eventType}/{stateKey}',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
  },
  // An empty state key without its slash.
  setRoomState: {
    method: 'PUT',
    under: clientVersions('api/v1', 'r0', 'v3', 'unstable'),
    path: '/rooms/{roomId}/state/{eventType}',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'event_send',
    sticky: 'room',
  },
})
