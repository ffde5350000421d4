import { isLongerThan } from '../../shared/code-points.ts'
import type { passwordManagementEndpoints } from '../../shared/endpoints/client/password_management.ts'
import type { UserId } from '../../shared/matrix/ids.ts'
import { isObject, type JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { boolean, nullable, object, optional, string } from '../../shared/schema.ts'
import { checked } from '../http/body.ts'
import { unrecognized } from '../http/errors.ts'
import type { Handlers, RequestOf } from '../http/handlers.ts'
import type { UiAuth, UiAuthOutcome, UiAuthSessions } from '../http/ui-auth.ts'
import { checkPassword, type PasswordPolicy } from '../users/password-policy.ts'
import type { Passwords } from '../users/passwords.ts'
import type { SetPassword } from '../users/set-password.ts'
import type { ThreepidValidation } from '../users/threepid-validation.ts'
import type { Threepids } from '../users/threepids.ts'
import { authObject, type ConfirmUser } from './confirm-user.ts'
import {
  checkNextLink,
  countTokenRequest,
  pretendToSend,
  type RequestTokenDeps,
  readTokenRequest,
  sendToken,
} from './request-token.ts'

export interface PasswordManagementDeps extends RequestTokenDeps {
  readonly threepids: Threepids
  readonly validation: ThreepidValidation | undefined
  readonly confirmUser: ConfirmUser
  /** With the stage `m.login.email.identity`, where there is mail. */
  readonly uiAuth: UiAuth
  readonly uiAuthSessions: Pick<UiAuthSessions, 'data' | 'setData'>
  readonly passwords: Pick<Passwords, 'hash'>
  readonly policy: PasswordPolicy
  readonly setPassword: SetPassword
  /** `request_token_inhibit_3pid_errors` */
  readonly hidesUnknown: boolean
}

type ChangeRequest = RequestOf<(typeof passwordManagementEndpoints)['changePassword']>

const changeBody = object({
  logout_devices: optional(boolean()),
  new_password: optional(nullable(string())),
})

const PASSWORD_HASH = 'password_hash'
const EMAIL = 'm.login.email.identity'
const DESCRIPTION = 'modify your account password'
const MAX_LENGTH = 512

/** client-server-api, "Password management". */
export const passwordManagementHandlers = (
  deps: PasswordManagementDeps,
): Handlers<typeof passwordManagementEndpoints> => {
  const { threepids, confirmUser, uiAuth, uiAuthSessions, passwords, setPassword } = deps

  /** Whose password it is to be, and the body that was confirmed; or what is still to do. */
  async function confirm(
    request: ChangeRequest,
    body: JsonObject,
  ): Promise<UiAuthOutcome & { readonly userId?: UserId }> {
    const { method, target, clientIp, userAgent, requester } = request
    const asked = { method, target, clientIp, userAgent }
    if (requester !== undefined) {
      const outcome = await confirmUser.outcome({ request: asked, requester, body, description: DESCRIPTION })
      return { ...outcome, userId: requester.userId }
    }
    const outcome = await uiAuth.attempt({ request: asked, flows: [[EMAIL]], body, description: DESCRIPTION })
    if (!outcome.done) return outcome
    const proven = outcome.completed[EMAIL]
    const address = isObject(proven) && typeof proven.address === 'string' ? proven.address : ''
    const userId = await threepids.ownerOf('email', address)
    if (userId === undefined) throw new MatrixError('M_NOT_FOUND', 'Email address not found')
    return { ...outcome, userId }
  }

  return {
    async changePassword(request) {
      const { new_password: _, ...body } = await request.json()
      const { new_password: given } = checked({ ...body, ...(_ !== undefined && { new_password: _ }) }, changeBody)
      authObject(body)
      if (given !== undefined && given !== null) {
        if (isLongerThan(given, MAX_LENGTH)) throw new MatrixError('M_BAD_JSON', 'new_password: is too long')
        checkPassword(given, deps.policy)
      }
      const outcome = await confirm(request, body)
      const { sessionId } = outcome
      const earlier = (await uiAuthSessions.data(sessionId, PASSWORD_HASH)) as string | undefined
      if (!outcome.done) {
        // It need not be sent again.
        if (given && earlier === undefined)
          await uiAuthSessions.setData(sessionId, PASSWORD_HASH, await passwords.hash(given))
        return outcome.reply
      }
      const hash = given ? await passwords.hash(given) : earlier
      if (hash === undefined) throw new MatrixError('M_MISSING_PARAM', 'Missing params: password')
      const logsOut = outcome.body.logout_devices ?? true
      await setPassword(outcome.userId!, hash, {
        endsSessions: logsOut === true,
        except: request.requester && {
          deviceId: request.requester.deviceId,
          accessTokenId: request.requester.accessTokenId,
        },
      })
      return {}
    },

    async requestTokenToResetPasswordEmail(request) {
      if (deps.validation === undefined)
        throw new MatrixError('M_UNKNOWN', 'Email-based password resets have been disabled on this server')
      const asked = readTokenRequest(await request.json())
      const nextLink = checkNextLink(deps, asked.next_link)
      countTokenRequest(deps, 'email', request.clientIp, asked.address)
      if ((await threepids.ownerOf('email', asked.address)) === undefined) {
        if (deps.hidesUnknown) return await pretendToSend()
        throw new MatrixError('M_THREEPID_NOT_FOUND', 'Email not found')
      }
      return await sendToken(deps, 'password_reset', asked, nextLink)
    },

    // Synapse has no such endpoint any more.
    requestTokenToResetPasswordMSISDN() {
      throw unrecognized(404)
    },
  }
}
