import type { accountStatusEndpoints } from '../../shared/endpoints/client/account_status.ts'
import { isUserId } from '../../shared/matrix/ids/user-id.ts'
import { serverNameOf, type UserId } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { array, object, string } from '../../shared/schema.ts'
import { checked } from '../http/body.ts'
import { unrecognized } from '../http/errors.ts'
import type { Handlers } from '../http/handlers.ts'
import { selectExpiries } from '../storage/account-validity.ts'
import type { Queries } from '../storage/db.ts'
import { selectUsers } from '../storage/users.ts'

export interface AccountStatusDeps {
  readonly db: Queries
  readonly serverName: string
  /** `experimental_features.msc3720_enabled` */
  readonly isEnabled: boolean
  /** `use_account_validity_in_account_status` */
  readonly tellsExpiry: boolean
}

const MAX_USERS = 1000
const statusBody = object({ user_ids: array(string(), { maxItems: MAX_USERS }) })

/** MSC3720: whether accounts exist, and can be used. Other servers are not asked: their users are failures. */
export const accountStatusHandlers = (deps: AccountStatusDeps): Handlers<typeof accountStatusEndpoints> => ({
  async getAccountStatus(request) {
    if (!deps.isEnabled) throw unrecognized(404)
    const { user_ids: given } = checked(await request.json(), statusBody)
    for (const userId of given)
      if (!isUserId(userId)) throw new MatrixError('M_INVALID_PARAM', `Not a valid Matrix user ID: ${userId}`)
    const ids = given as readonly UserId[]
    const ours = ids.filter((userId) => serverNameOf(userId) === deps.serverName && !userId.includes('\0'))
    const [users, expiries] = await Promise.all([
      selectUsers(deps.db, ours),
      deps.tellsExpiry ? selectExpiries(deps.db, ours) : [],
    ])
    const known = new Map(users.map((user) => [user.userId, user]))
    const ends = new Map(expiries.map(({ userId, expiryMs }) => [userId, expiryMs]))
    const statusOf = (userId: UserId): JsonObject => {
      const user = known.get(userId)
      if (user === undefined) return { exists: false }
      const end = ends.get(userId)
      return {
        exists: true,
        deactivated: user.isDeactivated,
        ...(deps.tellsExpiry && { 'org.matrix.expired': end !== undefined && end <= Date.now() }),
      }
    }
    return {
      account_statuses: Object.fromEntries(ours.map((userId) => [userId, statusOf(userId)])),
      failures: ids.filter((userId) => !ours.includes(userId)),
    }
  },
})
