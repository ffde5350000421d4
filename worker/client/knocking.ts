import type { knockingEndpoints } from '../../shared/endpoints/client/knocking.ts'
import type { Handlers } from '../http/handlers.ts'
import type { JoiningDeps } from './joining.ts'
import { reasonIn } from './membership-request.ts'
import { roomOf } from './room-id-or-alias.ts'

/** Client-server-api, "Knocking on rooms", of rooms that this server is in. */
export const knockingHandlers = ({
  changeMembership,
  aliases,
}: Pick<JoiningDeps, 'changeMembership' | 'aliases'>): Handlers<typeof knockingEndpoints> => ({
  async knockRoom(request) {
    const { params, requester } = request
    const content = reasonIn(await request.json())
    const roomId = await roomOf(params.roomIdOrAlias, aliases)
    await changeMembership(requester, { roomId, target: requester.userId, action: 'knock', content })
    return { room_id: roomId }
  },
})
