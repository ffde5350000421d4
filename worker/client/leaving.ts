import type { leavingEndpoints } from '../../shared/endpoints/client/leaving.ts'
import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { Handlers } from '../http/handlers.ts'
import { givenRoomId } from './given-ids.ts'
import { type MembershipRequestDeps, membershipRequest } from './membership-request.ts'

/** Client-server-api, "`POST …/rooms/{roomId}/leave`". */
export function leavingHandlers(
  deps: MembershipRequestDeps,
): Handlers<Pick<typeof leavingEndpoints, 'leaveRoom' | 'leaveRoomWithTxn'>> {
  const leave = membershipRequest(deps, { action: 'leave', whose: 'own' })
  return { leaveRoom: leave, leaveRoomWithTxn: leave }
}

export interface ForgetHandlerDeps extends Pick<MembershipRequestDeps, 'transactions'> {
  readonly forget: (userId: UserId, roomId: RoomId) => Promise<void>
}

/** Client-server-api, "`POST …/rooms/{roomId}/forget`", which only the main process serves. */
export const forgetHandlers = ({
  forget,
  transactions,
}: ForgetHandlerDeps): Handlers<Pick<typeof leavingEndpoints, 'forgetRoom' | 'forgetRoomWithTxn'>> => ({
  async forgetRoom({ params, requester }) {
    await forget(requester.userId, givenRoomId(params.roomId))
    return {}
  },
  forgetRoomWithTxn: ({ params, requester, path }) =>
    transactions.once(path, requester, async () => {
      await forget(requester.userId, givenRoomId(params.roomId))
      return {}
    }),
})
