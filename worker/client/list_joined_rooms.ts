import type { listJoinedRoomsEndpoints } from '../../shared/endpoints/client/list_joined_rooms.ts'
import type { Handlers } from '../http/handlers.ts'
import type { Memberships } from '../rooms/memberships.ts'

export interface ListJoinedRoomsDeps {
  readonly memberships: Pick<Memberships, 'ofUser'>
}

/** client-server-api, "Room membership". */
export const listJoinedRoomsHandlers = ({
  memberships,
}: ListJoinedRoomsDeps): Handlers<typeof listJoinedRoomsEndpoints> => ({
  async getJoinedRooms({ requester }) {
    const rooms = await memberships.ofUser(requester.userId)
    return {
      joined_rooms: [...rooms.values()].filter(({ membership }) => membership === 'join').map(({ roomId }) => roomId),
    }
  },
})
