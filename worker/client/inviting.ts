import type { invitingEndpoints } from '../../shared/endpoints/client/inviting.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import { type ThirdPartyId, thirdPartyOf } from '../rooms/third-party/identity-server.ts'
import type { InviteByAddress } from '../rooms/third-party/invite-by-address.ts'
import { givenRoomId, givenText } from './given-ids.ts'
import { type MembershipRequest, type MembershipRequestDeps, membershipRequest } from './membership-request.ts'

export interface InvitingDeps extends MembershipRequestDeps {
  readonly inviteByAddress: Pick<InviteByAddress, 'invite'>
}

/** Client-server-api, "`POST …/rooms/{roomId}/invite`", by user ID or by an address. */
export function invitingHandlers(deps: InvitingDeps): Handlers<typeof invitingEndpoints> {
  const byUserId = membershipRequest(deps, { action: 'invite', whose: 'user_id' })

  const invite = async (request: MembershipRequest): Promise<object> => {
    const body = await request.json()
    const id = thirdPartyIn(body)
    const { params, requester, path } = request
    // A body is read once.
    if (id === undefined) return byUserId({ params, requester, path, json: async () => body })
    const txnId = params.txnId === undefined ? undefined : givenText('txnId', params.txnId)
    const run = async () => {
      await deps.inviteByAddress.invite(requester, givenRoomId(params.roomId), id, txnId)
      return {}
    }
    return txnId === undefined ? run() : deps.transactions.once(path, requester, run)
  }
  return { inviteUser: invite, inviteUserWithTxn: invite }
}

/** Undefined: by user ID. Throws M_MISSING_PARAM, M_BAD_JSON. */
function thirdPartyIn(body: JsonObject): ThirdPartyId | undefined {
  const { medium, address, id_server: idServer, id_access_token: idAccessToken } = body
  if (medium === undefined || address === undefined) return undefined
  if (idServer === undefined || idAccessToken === undefined)
    throw new MatrixError('M_MISSING_PARAM', '`id_server` and `id_access_token` are required when doing 3pid invite')
  return thirdPartyOf({ medium, address, id_server: idServer, id_access_token: idAccessToken })
}
