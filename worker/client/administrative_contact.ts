import type { administrativeContactEndpoints } from '../../shared/endpoints/client/administrative_contact.ts'
import { isObject, type JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { object, oneOf, optional, string } from '../../shared/schema.ts'
import { checked } from '../http/body.ts'
import type { Handlers } from '../http/handlers.ts'
import { mustBeClientSecret, type ThreepidValidation } from '../users/threepid-validation.ts'
import type { Threepids } from '../users/threepids.ts'
import { authObject, type ConfirmUser } from './confirm-user.ts'
import { mustHave } from './members.ts'
import {
  checkNextLink,
  clientSecret,
  countTokenRequest,
  pretendToSend,
  type RequestTokenDeps,
  readTokenRequest,
  sendToken,
} from './request-token.ts'
import { followLink, readLink } from './submit-token.ts'

export interface AdministrativeContactDeps extends RequestTokenDeps {
  readonly threepids: Threepids
  /** Undefined: there is no mail. */
  readonly validation: ThreepidValidation | undefined
  readonly confirmUser: ConfirmUser
  /** `enable_3pid_changes` */
  readonly allowsChanges: boolean
  /** `request_token_inhibit_3pid_errors` */
  readonly hidesTaken: boolean
}

const addBody = object({ client_secret: clientSecret, sid: string() })
const bindBody = object({ client_secret: clientSecret, id_access_token: string(), id_server: string(), sid: string() })
const removalBody = object({ address: string(), id_server: optional(string()), medium: oneOf('email', 'msisdn') })

/** A host with a port and a path, and nothing that would make another URL of it. */
const ID_SERVER = /^(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?(?:\/[\w./~-]*)?$/
const badIdServer = () =>
  new MatrixError('M_UNKNOWN', 'id_server must be a valid hostname with optional port and path components')
const disabled = () => new MatrixError('M_FORBIDDEN', '3PID changes are disabled on this server', {}, 400)
const notProven = () => new MatrixError('M_THREEPID_AUTH_FAILED', 'No validated 3pid session found')
const noMail = () =>
  new MatrixError('M_THREEPID_MEDIUM_NOT_SUPPORTED', 'Adding an email to your account is disabled on this server')

/** client-server-api, "Adding Account Administrative Contact Information". */
export const administrativeContactHandlers = (
  deps: AdministrativeContactDeps,
): Handlers<typeof administrativeContactEndpoints> => {
  const { threepids, validation, confirmUser, allowsChanges } = deps

  const provenIn = async (sid: string, secret: string) => {
    const found = await validation?.proven(sid, secret)
    if (found === undefined) throw notProven()
    return found
  }

  /**
   * NOTSPEC: no identity server is asked. One that is named cannot be reached; of those that were bound with another server's software
   * none is tried, so that users can still remove their addresses here.
   */
  const unbind = (idServer: string | undefined): { readonly id_server_unbind_result: string } => {
    if (idServer !== undefined && idServer !== '') {
      if (!ID_SERVER.test(idServer)) throw badIdServer()
      throw unreachable()
    }
    return { id_server_unbind_result: 'no-support' }
  }
  const unreachable = () => new MatrixError('M_UNKNOWN', 'Timed out contacting identity server', {}, 500)

  return {
    async getAccount3PIDs({ requester }) {
      const found = await threepids.of(requester.userId)
      return {
        threepids: found.map(({ medium, address, validatedAt, addedAt }) => ({
          medium,
          address,
          validated_at: validatedAt,
          added_at: addedAt,
        })),
      }
    },

    async post3PIDs(request) {
      if (!allowsChanges) throw disabled()
      const body = await request.json()
      const given = body.threePidCreds || body.three_pid_creds
      if (given === undefined || given === null)
        throw new MatrixError('M_MISSING_PARAM', 'Missing param three_pid_creds')
      const { sid, client_secret: secret } = credentialsOf(given)
      await threepids.add(request.requester.userId, await provenIn(sid, secret))
      return {}
    },

    async add3PID(request) {
      if (!allowsChanges) throw disabled()
      const body = await request.json()
      authObject(body)
      const { sid, client_secret: secret } = checked(body, addBody)
      const { method, target, clientIp, userAgent, requester } = request
      const reply = await confirmUser({
        request: { method, target, clientIp, userAgent },
        requester,
        body,
        description: 'add a third-party identifier to your account',
      })
      if (reply !== undefined) return reply
      await threepids.add(requester.userId, await provenIn(sid, secret))
      return {}
    },

    async bind3PID(request) {
      const { id_server: idServer } = checked(await request.json(), bindBody)
      if (!ID_SERVER.test(idServer)) throw badIdServer()
      throw unreachable()
    },

    async unbind3pidFromAccount(request) {
      return unbind(checked(await request.json(), removalBody).id_server)
    },

    async delete3pidFromAccount(request) {
      if (!allowsChanges) throw disabled()
      const { medium, address, id_server: idServer } = checked(await request.json(), removalBody)
      let answer: object
      try {
        answer = unbind(idServer)
      } catch {
        throw new MatrixError('M_UNKNOWN', 'Failed to remove threepid', {}, 500)
      }
      await threepids.remove(request.requester.userId, medium, address)
      return answer
    },

    async requestTokenTo3PIDEmail(request) {
      if (!allowsChanges) throw disabled()
      if (validation === undefined) throw noMail()
      const asked = readTokenRequest(await request.json())
      threepids.mustBeAllowed('email', asked.address, 'Your email domain is not authorized on this server')
      countTokenRequest(deps, 'email', request.clientIp, asked.address)
      const nextLink = checkNextLink(deps, asked.next_link)
      if ((await threepids.ownerOf('email', asked.address)) !== undefined) {
        if (deps.hidesTaken) return await pretendToSend()
        throw new MatrixError('M_THREEPID_IN_USE', 'Email is already in use')
      }
      return await sendToken(deps, 'add_threepid', asked, nextLink)
    },

    requestTokenTo3PIDMSISDN() {
      throw new MatrixError(
        'M_THREEPID_MEDIUM_NOT_SUPPORTED',
        'Adding phone numbers to user account is not supported by this homeserver',
      )
    },

    async submitTokenTo3PIDEmail({ query }) {
      if (validation === undefined) throw noMail()
      return await followLink(validation, readLink(query), {
        title: 'Your e-mail address',
        done: 'Your address is confirmed. You can close this page and go on in your client.',
      })
    },

    submitTokenTo3PIDMSISDN() {
      throw new MatrixError(
        'M_UNKNOWN',
        'This homeserver is not validating phone numbers. Use an identity server instead.',
      )
    },
  }
}

function credentialsOf(given: JsonObject[string]): { readonly sid: string; readonly client_secret: string } {
  const { sid, client_secret: secret } = isObject(given) ? given : ({} as JsonObject)
  mustHave(isObject(given) ? given : {}, 'client_secret', 'sid')
  if (typeof sid !== 'string' || typeof secret !== 'string')
    throw new MatrixError('M_INVALID_PARAM', 'Invalid client_secret parameter')
  mustBeClientSecret(secret)
  return { sid, client_secret: secret }
}
