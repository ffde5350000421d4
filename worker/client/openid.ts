import type { openidEndpoints } from '../../shared/endpoints/client/openid.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import type { Queries } from '../storage/db.ts'
import { insertOpenIdToken } from '../storage/openid-tokens.ts'
import { randomLetters } from '../users/session-tokens.ts'

export interface OpenidDeps {
  readonly db: Queries
  readonly serverName: string
}

const LIFETIME_MS = 3_600_000

/** client-server-api, "OpenID": a token that proves to others who the user is, and nothing more. */
export const openidHandlers = ({ db, serverName }: OpenidDeps): Handlers<typeof openidEndpoints> => ({
  async requestOpenIdToken(request) {
    const { userId } = request.requester
    if (request.params.userId !== userId) throw new MatrixError('M_FORBIDDEN', 'Cannot request tokens for other users.')
    await request.json()
    const token = randomLetters(24)
    await insertOpenIdToken(db, { token, userId, validUntilMs: Date.now() + LIFETIME_MS })
    return {
      access_token: token,
      token_type: 'Bearer',
      matrix_server_name: serverName,
      expires_in: LIFETIME_MS / 1000,
    }
  },
})
