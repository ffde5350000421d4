import type { CreateRoomBody, createRoomEndpoints } from '../../shared/endpoints/client/create_room.ts'
import type { Handlers } from '../http/handlers.ts'
import type { Requester } from '../http/requester.ts'
import type { Transactions } from '../http/transactions.ts'
import type { CreateRoom } from '../rooms/create-room.ts'

export interface CreateRoomHandlerDeps {
  readonly createRoom: CreateRoom
  readonly transactions: Pick<Transactions, 'once'>
}

/** Client-server-api, "`POST …/createRoom`". */
export function createRoomHandlers({
  createRoom,
  transactions,
}: CreateRoomHandlerDeps): Handlers<typeof createRoomEndpoints> {
  const create = async (requester: Requester, body: CreateRoomBody) => ({
    room_id: await createRoom(requester, body),
  })
  return {
    createRoom: ({ requester, body }) => create(requester, body),
    createRoomWithTxn: ({ requester, body, path }) => transactions.once(path, requester, () => create(requester, body)),
  }
}
