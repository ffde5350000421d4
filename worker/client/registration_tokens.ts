import type { registrationTokensEndpoints } from '../../shared/endpoints/client/registration_tokens.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import { requiredString } from '../http/query.ts'
import type { RateLimiter } from '../http/rate-limit.ts'
import type { Queries } from '../storage/db.ts'
import { selectIsRegistrationTokenValid } from '../storage/registration-tokens.ts'

export interface RegistrationTokensDeps {
  readonly db: Queries
  /** `enable_registration` */
  readonly isEnabled: boolean
  /** `rc_registration_token_validity` */
  readonly limit: RateLimiter
}

/** client-server-api, "Token-authenticated registration". */
export const registrationTokensHandlers = ({
  db,
  isEnabled,
  limit,
}: RegistrationTokensDeps): Handlers<typeof registrationTokensEndpoints> => ({
  async registrationTokenValidity({ query, clientIp }) {
    limit.takeOrRefuse(clientIp)
    if (!isEnabled) throw new MatrixError('M_FORBIDDEN', 'Registration has been disabled')
    const token = requiredString(query, 'token')
    return { valid: !token.includes('\0') && (await selectIsRegistrationTokenValid(db, token, Date.now())) }
  },
})
