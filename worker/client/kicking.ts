import type { kickingEndpoints } from '../../shared/endpoints/client/kicking.ts'
import type { Handlers } from '../http/handlers.ts'
import { type MembershipRequestDeps, membershipRequest } from './membership-request.ts'

/** Client-server-api, "`POST …/rooms/{roomId}/kick`". */
export function kickingHandlers(deps: MembershipRequestDeps): Handlers<typeof kickingEndpoints> {
  const kick = membershipRequest(deps, { action: 'kick', whose: 'user_id' })
  return { kick, kickWithTxn: kick }
}
