import type { logoutEndpoints } from '../../shared/endpoints/client/logout.ts'
import { accessTokenOf } from '../http/access-token.ts'
import type { Handlers, RequestOf } from '../http/handlers.ts'
import type { Sessions } from '../users/sessions.ts'

export interface LogoutDeps {
  readonly sessions: Pick<Sessions, 'endDevices' | 'endAll' | 'endToken'>
}

/** client-server-api, "Logout". */
export const logoutHandlers = ({ sessions }: LogoutDeps): Handlers<typeof logoutEndpoints> => ({
  async logout(request) {
    const { userId, deviceId } = request.requester
    if (deviceId === undefined) await sessions.endToken(tokenOf(request))
    else await sessions.endDevices(userId, [deviceId])
    return {}
  },

  async logout_all({ requester }) {
    await sessions.endAll(requester.userId)
    return {}
  },
})

/** It was understood, or there would be no requester. */
const tokenOf = ({ headers, query }: RequestOf<(typeof logoutEndpoints)['logout']>): string =>
  accessTokenOf(headers.authorization === undefined ? [] : [headers.authorization], query.get('access_token'))!
