import type { typingEndpoints } from '../../shared/endpoints/client/typing.ts'
import { isUserId } from '../../shared/matrix/ids/user-id.ts'
import type { RoomId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import type { Memberships } from '../rooms/memberships.ts'
import type { LiveTyping } from '../typing/typing.ts'

export interface TypingHandlersDeps {
  readonly memberships: Pick<Memberships, 'isJoined'>
  readonly typing: Pick<LiveTyping, 'set'>
}

/** The specification leaves the default open. */
const DEFAULT_TIMEOUT_MS = 30_000
const MAX_TIMEOUT_MS = 120_000

/** client-server-api, "Typing Notifications". */
export const typingHandlers = ({ memberships, typing }: TypingHandlersDeps): Handlers<typeof typingEndpoints> => ({
  async setTyping({ params, body, requester }) {
    const { userId, isShadowBanned } = requester
    const roomId = params.roomId as RoomId
    if (!isUserId(params.userId)) throw new MatrixError('M_INVALID_PARAM', `${params.userId} is not a user ID`)
    if (userId !== params.userId)
      throw new MatrixError('M_FORBIDDEN', "Cannot set another user's typing state", {}, 400)
    if (isShadowBanned) return {}
    if (!(await memberships.isJoined(userId, roomId)))
      throw new MatrixError('M_FORBIDDEN', `User ${userId} not in room ${roomId}`)
    const timeoutMs = Math.min(body.timeout ?? DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS)
    await typing.set(roomId, userId, body.typing ? timeoutMs : 0)
    return {}
  },
})
