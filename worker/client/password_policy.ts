import type { passwordPolicyEndpoints } from '../../shared/endpoints/client/password_policy.ts'
import type { Handlers } from '../http/handlers.ts'
import { type PasswordPolicy, printPasswordPolicy } from '../users/password-policy.ts'

/** MSC2000. */
export const passwordPolicyHandlers = (policy: PasswordPolicy): Handlers<typeof passwordPolicyEndpoints> => {
  const answer = printPasswordPolicy(policy)
  return { getPasswordPolicy: () => answer }
}
