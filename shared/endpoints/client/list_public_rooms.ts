import { array, boolean, integer, nullable, object, oneOf, optional, string } from '../../schema.ts'
import { clientVersions, endpoints } from '../types.ts'

const under = clientVersions('api/v1', 'r0', 'v3', 'unstable')

/** Matrix v1.19, client-server API: `list_public_rooms.yaml`. */
export const listPublicRoomsEndpoints = endpoints({
  getRoomVisibilityOnDirectory: {
    method: 'GET',
    under,
    path: '/directory/list/room/{roomId}',
    auth: 'none',
    served: 'main',
    class: 'main',
  },
  setRoomVisibilityOnDirectory: {
    method: 'PUT',
    under,
    path: '/directory/list/room/{roomId}',
    auth: 'user',
    served: 'main',
    class: 'main',
    body: object({ visibility: optional(oneOf('public', 'private')) }),
  },
  getPublicRooms: {
    method: 'GET',
    under,
    path: '/publicRooms',
    auth: 'user?',
    guests: true,
    served: 'generic',
    class: 'client_read',
  },
  queryPublicRooms: {
    method: 'POST',
    under,
    path: '/publicRooms',
    auth: 'user',
    guests: true,
    served: 'generic',
    class: 'client_read',
    body: object({
      limit: optional(integer({ minimum: 0 })),
      since: optional(nullable(string())),
      filter: optional(
        nullable(
          object({
            // Looking for a long one in long topics would take its time.
            generic_search_term: optional(nullable(string({ maxLength: 255 }))),
            room_types: optional(nullable(array(nullable(string()), { maxItems: 100 }))),
          }),
        ),
      ),
      include_all_networks: optional(nullable(boolean())),
      third_party_instance_id: optional(nullable(string())),
    }),
  },
})
