import type { accountDeactivationEndpoints } from '../../shared/endpoints/client/account_deactivation.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { boolean, nullable, object, optional, string } from '../../shared/schema.ts'
import { checked } from '../http/body.ts'
import type { Handlers } from '../http/handlers.ts'
import type { Deactivation } from '../users/deactivation.ts'
import { authObject, type ConfirmUser } from './confirm-user.ts'

export interface AccountDeactivationDeps {
  readonly deactivation: Pick<Deactivation, 'deactivate'>
  readonly confirmUser: ConfirmUser
}

const deactivationBody = object({ id_server: optional(nullable(string())), erase: optional(boolean()) })

/** client-server-api, "Deactivating an account". */
export const accountDeactivationHandlers = ({
  deactivation,
  confirmUser,
}: AccountDeactivationDeps): Handlers<typeof accountDeactivationEndpoints> => ({
  async deactivateAccount(request) {
    const body = await request.json()
    authObject(body)
    const { erase = false } = checked(body, deactivationBody)
    const { method, target, clientIp, userAgent, requester } = request
    if (requester === undefined) throw new MatrixError('M_MISSING_TOKEN', 'Missing access token')
    // Application services have no passwords.
    if (requester.appserviceId === undefined) {
      const reply = await confirmUser({
        request: { method, target, clientIp, userAgent },
        requester,
        body,
        description: 'deactivate your account',
      })
      if (reply !== undefined) return reply
    }
    await deactivation.deactivate(requester.userId, { erase })
    // No identity server was ever told of an address, so that none is to forget one.
    return { id_server_unbind_result: 'success' }
  },
})
