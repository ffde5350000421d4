import { clientVersions, endpoints } from '../types.ts'

const under = clientVersions('api/v1', 'r0', 'v3', 'unstable')

/** Matrix v1.19, client-server API: `rooms.yaml`. */
export const roomsEndpoints = endpoints({
  getOneRoomEvent: {
    method: 'GET',
    under,
    path: '/rooms/{roomId}/event/{eventId}',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'room_read',
    sticky: 'room',
  },
  // Documented with the requests that send events, all of `rooms/…/state/` in one pattern; but it reads.
  getRoomStateWithKey: {
    method: 'GET',
    under,
    path: '/rooms/{roomId}/state/{eventType}/{stateKey}',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'room_read',
    sticky: 'room',
  },
  getRoomStateOfType: {
    method: 'GET',
    under,
    path: '/rooms/{roomId}/state/{eventType}',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'room_read',
    sticky: 'room',
  },
  getRoomState: {
    method: 'GET',
    under,
    path: '/rooms/{roomId}/state',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'room_read',
    sticky: 'room',
  },
  getMembersByRoom: {
    method: 'GET',
    under,
    path: '/rooms/{roomId}/members',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'room_read',
    sticky: 'room',
  },
  getJoinedMembersByRoom: {
    method: 'GET',
    under,
    path: '/rooms/{roomId}/joined_members',
    auth: 'user',
    served: 'generic',
    class: 'room_read',
    sticky: 'room',
  },
})
