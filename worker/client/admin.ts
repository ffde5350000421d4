import type { adminEndpoints } from '../../shared/endpoints/client/admin.ts'
import { isUserId } from '../../shared/matrix/ids/user-id.ts'
import { serverNameOf, type UserId } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { boolean, object } from '../../shared/schema.ts'
import { checked } from '../http/body.ts'
import type { Handlers, RequestOf } from '../http/handlers.ts'
import type { Requester, Requesters } from '../http/requester.ts'
import type { Queries } from '../storage/db.ts'
import { selectConnections } from '../storage/user-ips.ts'
import { selectUser } from '../storage/users.ts'
import type { Moderation } from '../users/moderation.ts'

export interface AdminDeps {
  readonly db: Queries
  readonly requesters: Pick<Requesters, 'isAdmin'>
  readonly moderation: Moderation
  readonly serverName: string
}

type Get = RequestOf<(typeof adminEndpoints)['getAdminSuspendUser' | 'getAdminLockUser']>
type Put = RequestOf<(typeof adminEndpoints)['setAdminSuspendUser' | 'setAdminLockUser']>

const suspension = object({ suspended: boolean() })
const locking = object({ locked: boolean() })

/** client-server-api, "Server Administration". */
export const adminHandlers = ({
  db,
  requesters,
  moderation,
  serverName,
}: AdminDeps): Handlers<typeof adminEndpoints> => {
  async function mustBeAdmin({ userId }: Requester): Promise<void> {
    if (!(await requesters.isAdmin(userId))) throw new MatrixError('M_FORBIDDEN', 'You are not a server admin')
  }
  /** Before anything is looked up, so that only admins learn who is here. */
  async function targetOf({ requester, params }: Get | Put) {
    await mustBeAdmin(requester)
    const { userId } = params
    if (!isUserId(userId) || serverNameOf(userId as UserId) !== serverName)
      throw new MatrixError('M_INVALID_PARAM', 'The user does not belong to this server')
    const user = await selectUser(db, userId as UserId)
    if (user === undefined || user.isDeactivated) throw new MatrixError('M_NOT_FOUND', 'User not found')
    if (user.isAdmin && user.userId !== requester.userId)
      throw new MatrixError('M_FORBIDDEN', 'The user is a server admin')
    return user
  }
  async function otherTargetOf(request: Put): Promise<UserId> {
    const { userId } = await targetOf(request)
    if (userId === request.requester.userId)
      throw new MatrixError('M_FORBIDDEN', 'You cannot do that to your own account')
    return userId
  }

  return {
    async getWhoIs({ requester, params }) {
      const userId = params.userId as UserId
      if (!isUserId(userId))
        throw new MatrixError('M_INVALID_PARAM', `Expected UserID string to start with '@'`, {}, 400)
      if (userId !== requester.userId) await mustBeAdmin(requester)
      if (serverNameOf(userId) !== serverName) throw new MatrixError('M_UNKNOWN', 'Can only whois a local user')
      const connections = await selectConnections(db, userId)
      const told = connections.map(({ ip, lastSeenMs, userAgent }) => ({
        ip,
        last_seen: lastSeenMs,
        user_agent: userAgent,
      }))
      return { user_id: userId, devices: { '': { sessions: [{ connections: told }] } } }
    },

    getAdminSuspendUser: async (request) => ({ suspended: (await targetOf(request)).isSuspended }),
    getAdminLockUser: async (request) => ({ locked: (await targetOf(request)).isLocked }),

    async setAdminSuspendUser(request) {
      const userId = await otherTargetOf(request)
      const { suspended } = checked(await request.json(), suspension)
      await moderation.suspend(userId, suspended)
      return { suspended }
    },

    async setAdminLockUser(request) {
      const userId = await otherTargetOf(request)
      const { locked } = checked(await request.json(), locking)
      await moderation.lock(userId, locked)
      return { locked }
    },
  }
}
