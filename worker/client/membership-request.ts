/** What the requests that change one membership have in common. */

import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { property } from '../../shared/matrix/json/value.ts'
import type { Requester } from '../http/requester.ts'
import type { Transactions } from '../http/transactions.ts'
import type { ChangeMembership, MembershipAction } from '../rooms/membership.ts'
import { givenRoomId, givenText, userIdIn } from './given-ids.ts'

export interface MembershipRequestDeps {
  readonly changeMembership: ChangeMembership
  readonly transactions: Pick<Transactions, 'once'>
}

export interface MembershipRequest {
  readonly params: { readonly roomId: string; readonly txnId?: string }
  readonly requester: Requester
  readonly path: string
  json(): Promise<JsonObject>
}

/** `reason` of the body is told in the room. */
export const reasonIn = (body: JsonObject): JsonObject => {
  const reason = property(body, 'reason')
  return reason === undefined ? {} : { reason }
}

interface What {
  readonly action: MembershipAction
  /** Whose membership: the requester's, or that of the body's `user_id`. */
  readonly whose: 'own' | 'user_id'
  /** Throws for a body that asks for something else. */
  readonly check?: (body: JsonObject) => void
  /** The body of the reply; empty where absent. */
  readonly answer?: (roomId: string) => object
}

/** A handler that changes a membership: once for each transaction ID, where the path has one. */
export const membershipRequest =
  ({ changeMembership, transactions }: MembershipRequestDeps, { action, whose, check, answer }: What) =>
  (request: MembershipRequest): Promise<object> => {
    const { params, requester, path } = request
    const { txnId } = params
    const run = async () => {
      const body = await request.json()
      check?.(body)
      await changeMembership(requester, {
        roomId: givenRoomId(params.roomId),
        target: whose === 'own' ? requester.userId : userIdIn(body),
        action,
        content: reasonIn(body),
        txnId: txnId === undefined ? undefined : givenText('txnId', txnId),
      })
      return answer?.(params.roomId) ?? {}
    }
    return txnId === undefined ? run() : transactions.once(path, requester, run)
  }
