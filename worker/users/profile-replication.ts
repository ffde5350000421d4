import { isUserId } from '../../shared/matrix/ids/user-id.ts'
import type { JsonValue } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { ReplicationHandlers, ReplicationRequest } from '../replication/http-server.ts'
import type { Profiles } from './profiles.ts'

/**
 * Changes of profiles that Synapse's workers hand to the first writer of events. Our own processes write them themselves: the
 * stream `profile_updates`, for which there must be one writer, is only written with `include_profile_updates_in_sync`.
 */
export const profileReplicationHandlers = (profiles: Pick<Profiles, 'set' | 'remove'>): ReplicationHandlers => ({
  async profile_set_field(request) {
    const { userId, author, field } = read(request)
    await profiles.set(userId, field, request.body.new_value as JsonValue, author, request.body.propagate !== false)
    return {}
  },
  async profile_delete_field(request) {
    const { userId, author, field } = read(request)
    await profiles.remove(userId, field, author)
    return {}
  },
})

function read({ args: { user_id: userId = '' }, body }: ReplicationRequest) {
  const { requester, field_name: field, by_admin: isAdmin } = body
  if (!isUserId(userId) || typeof requester !== 'string' || !isUserId(requester) || typeof field !== 'string')
    throw new MatrixError('M_INVALID_PARAM', 'not a change of a profile')
  return { userId, field, author: { userId: requester, isShadowBanned: false, isAdmin: isAdmin === true } }
}
