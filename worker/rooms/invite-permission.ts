/** Whether users may be invited at all, before the rules of the room are asked. */

import { type ServerName, serverNameOf, type UserId } from '../../shared/matrix/ids.ts'
import { parseJson } from '../../shared/matrix/json/parse.ts'
import { isObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { selectAccountDataOfTypeOf } from '../storage/account-data.ts'
import type { Queries } from '../storage/db.ts'

export interface InvitePermissionDeps {
  readonly serverName: ServerName
  readonly db: Queries
  /** Of the server. */
  readonly isAdmin: (userId: UserId) => boolean | Promise<boolean>
  /** `block_non_admin_invites`. */
  readonly onlyAdminsInvite: boolean
}

/**
 * Throws M_FORBIDDEN where only admins invite, M_INVITE_BLOCKED where one of the invited lets nobody invite them
 * (`m.invite_permission_config`), and M_UNKNOWN with status 502 for users of other servers, which are not asked.
 */
export type MayInvite = (inviter: UserId, invited: readonly UserId[]) => Promise<void>

const CONFIG_TYPE = 'm.invite_permission_config'

export function makeMayInvite({ serverName, db, isAdmin, onlyAdminsInvite }: InvitePermissionDeps): MayInvite {
  return async (inviter, invited) => {
    if (invited.length === 0) return
    const remote = invited.find((userId) => serverNameOf(userId) !== serverName)
    if (!(await isAdmin(inviter))) {
      if (onlyAdminsInvite) throw new MatrixError('M_FORBIDDEN', 'Invites have been disabled on this server')
      const configs = await selectAccountDataOfTypeOf(db, invited, CONFIG_TYPE)
      if (configs.some(({ content }) => blocksAll(content)))
        throw new MatrixError('M_INVITE_BLOCKED', 'You are not permitted to invite this user.')
    }
    if (remote !== undefined)
      throw new MatrixError('M_UNKNOWN', `Can't connect to server ${serverNameOf(remote)}`, {}, 502)
  }
}

function blocksAll(text: string): boolean {
  const config = parseJson(text)
  return config.ok && isObject(config.value) && config.value.default_action === 'block'
}
