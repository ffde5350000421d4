import type { banningEndpoints } from '../../shared/endpoints/client/banning.ts'
import type { Handlers } from '../http/handlers.ts'
import { type MembershipRequestDeps, membershipRequest } from './membership-request.ts'

/** Client-server-api, "Banning users in a room". */
export function banningHandlers(deps: MembershipRequestDeps): Handlers<typeof banningEndpoints> {
  const ban = membershipRequest(deps, { action: 'ban', whose: 'user_id' })
  const unban = membershipRequest(deps, { action: 'unban', whose: 'user_id' })
  return { ban, banWithTxn: ban, unban, unbanWithTxn: unban }
}
