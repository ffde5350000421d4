import type { presenceEndpoints } from '../../shared/endpoints/client/presence.ts'
import type { RoomId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import type { RateLimiter } from '../http/rate-limit.ts'
import type { Presence, PresenceState } from '../presence/presence.ts'
import { type PresenceTimes, presenceContent, type UserState } from '../presence/state.ts'
import type { Queries } from '../storage/db.ts'
import { doShareRoom } from '../storage/presence.ts'
import { givenText, givenUserId } from './given-ids.ts'

export interface PresenceHandlersDeps {
  readonly db: Queries
  readonly presence: Pick<Presence, 'set'> & {
    readonly of: (userIds: readonly UserState['userId'][]) => Promise<ReadonlyMap<string, UserState>>
  }
  readonly isEnabled: boolean
  readonly isTracked: boolean
  readonly times: PresenceTimes
  readonly excludedRooms: readonly RoomId[]
  /** `rc_presence.per_user`. */
  readonly limit: RateLimiter
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const STATES: readonly string[] = ['online', 'unavailable', 'offline'] satisfies PresenceState[]
/** All who share a room with the user are told of it. */
const MAX_STATUS_BYTES = 8_192

/** client-server-api, "Presence". */
export const presenceHandlers = (deps: PresenceHandlersDeps): Handlers<typeof presenceEndpoints> => ({
  async getPresence({ params, requester }) {
    const userId = givenUserId(params.userId)
    if (!deps.isEnabled) return { presence: 'offline' }
    const own = requester.userId
    if (userId !== own && !(await doShareRoom(deps.db, own, userId, deps.excludedRooms)))
      throw new MatrixError('M_FORBIDDEN', 'You are not allowed to see their presence.')
    return presenceContent((await deps.presence.of([userId])).get(userId)!, deps.now(), deps.times)
  },
  async setPresence(request) {
    const userId = givenUserId(request.params.userId)
    if (userId !== request.requester.userId)
      throw new MatrixError('M_FORBIDDEN', 'Can only set your own presence state')
    deps.limit.takeOrRefuse(userId)
    const { presence: state, status_msg: statusMsg, ...rest } = await request.json()
    if (state === undefined || Object.keys(rest).length > 0) throw refusal('Unable to parse state')
    if (statusMsg !== undefined && typeof statusMsg !== 'string') throw refusal('status_msg must be a string.')
    if (!deps.isTracked) return {}
    if (typeof state !== 'string' || !STATES.includes(state)) throw refusal('Invalid presence state')
    if (statusMsg !== undefined && Buffer.byteLength(givenText('status_msg', statusMsg)) > MAX_STATUS_BYTES)
      throw new MatrixError('M_TOO_LARGE', `status_msg is longer than ${MAX_STATUS_BYTES} bytes`)
    await deps.presence.set(userId, request.requester.deviceId, state as PresenceState, statusMsg)
    return {}
  },
})

const refusal = (message: string) => new MatrixError('M_UNKNOWN', message)
