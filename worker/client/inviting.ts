import type { invitingEndpoints } from '../../shared/endpoints/client/inviting.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import { type MembershipRequestDeps, membershipRequest } from './membership-request.ts'

/** Client-server-api, "`POST …/rooms/{roomId}/invite`", by user ID; and by an address, which is refused. */
export function invitingHandlers(deps: MembershipRequestDeps): Handlers<typeof invitingEndpoints> {
  const invite = membershipRequest(deps, { action: 'invite', whose: 'user_id', check: refuseThirdParty })
  return { inviteUser: invite, inviteUserWithTxn: invite }
}

/** Who is invited by an address is looked up at an identity server, which is not done here. */
function refuseThirdParty(body: JsonObject): void {
  if (body.medium === undefined || body.address === undefined) return
  if (body.id_server === undefined || body.id_access_token === undefined)
    throw new MatrixError('M_MISSING_PARAM', '`id_server` and `id_access_token` are required when doing 3pid invite')
  throw new MatrixError('M_FORBIDDEN', 'Looking up third-party identifiers is denied from this server')
}
