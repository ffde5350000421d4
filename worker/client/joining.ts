import type { joiningEndpoints } from '../../shared/endpoints/client/joining.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import type { Handlers } from '../http/handlers.ts'
import type { Requester } from '../http/requester.ts'
import type { Aliases } from '../rooms/aliases.ts'
import { givenText } from './given-ids.ts'
import { type MembershipRequestDeps, membershipRequest } from './membership-request.ts'
import { roomOf } from './room-id-or-alias.ts'

export interface JoiningDeps extends MembershipRequestDeps {
  readonly aliases: Pick<Aliases, 'resolve'>
}

/**
 * Client-server-api, "Joining rooms", of rooms that this server is in: `server_name` and `via`, through which others would be
 * joined, are not looked at.
 */
export function joiningHandlers(deps: JoiningDeps): Handlers<typeof joiningEndpoints> {
  const { changeMembership, transactions, aliases } = deps
  const joinById = membershipRequest(deps, {
    action: 'join',
    whose: 'own',
    answer: (roomId) => ({ room_id: roomId }),
  })

  /** All of the body becomes content of the event, as in Synapse. */
  async function join(idOrAlias: string, requester: Requester, content: JsonObject, txnId?: string) {
    const roomId = await roomOf(idOrAlias, aliases)
    await changeMembership(requester, { roomId, target: requester.userId, action: 'join', content, txnId })
    return { room_id: roomId }
  }

  return {
    joinRoomById: joinById,
    joinRoomByIdWithTxn: joinById,
    joinRoom: async (request) => join(request.params.roomIdOrAlias, request.requester, await request.json()),
    joinRoomWithTxn: (request) =>
      transactions.once(request.path, request.requester, async () => {
        const { roomIdOrAlias, txnId } = request.params
        return join(roomIdOrAlias, request.requester, await request.json(), givenText('txnId', txnId))
      }),
  }
}
