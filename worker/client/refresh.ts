import type { refreshEndpoints } from '../../shared/endpoints/client/refresh.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import type { Sessions } from '../users/sessions.ts'

export interface RefreshDeps {
  readonly sessions: Pick<Sessions, 'refresh'>
}

/** client-server-api, "Refreshing access tokens". */
export const refreshHandlers = ({ sessions }: RefreshDeps): Handlers<typeof refreshEndpoints> => ({
  async refresh(request) {
    const body = await request.json()
    const { refresh_token: refreshToken } = body
    if (refreshToken === undefined) throw new MatrixError('M_MISSING_PARAM', "Missing params: ['refresh_token']")
    if (typeof refreshToken !== 'string') throw new MatrixError('M_INVALID_PARAM', 'Invalid param: refresh_token')
    const next = await sessions.refresh(refreshToken)
    return {
      access_token: next.accessToken,
      refresh_token: next.refreshToken,
      ...(next.expiresInMs !== undefined && { expires_in_ms: next.expiresInMs }),
    }
  },
  tokenRefresh() {
    throw new MatrixError('M_FORBIDDEN', 'tokenrefresh is no longer supported.')
  },
})
