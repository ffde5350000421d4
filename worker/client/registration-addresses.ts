import type { registrationEndpoints } from '../../shared/endpoints/client/registration.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import { alreadyInUseLetter, type LetterNames } from '../mail/letters.ts'
import type { SendMail } from '../mail/mailer.ts'
import { mustBeClientSecret, type ThreepidValidation } from '../users/threepid-validation.ts'
import type { Threepids } from '../users/threepids.ts'
import { mustHave } from './members.ts'
import {
  checkNextLink,
  countTokenRequest,
  pretendToSend,
  type RequestTokenDeps,
  readTokenRequest,
  sendToken,
} from './request-token.ts'
import { followLink, readLink } from './submit-token.ts'

type Served = Pick<
  typeof registrationEndpoints,
  'requestTokenToRegisterEmail' | 'requestTokenToRegisterMSISDN' | 'submitTokenToRegister'
>

export interface RegistrationAddressesDeps extends RequestTokenDeps {
  readonly threepids: Threepids
  /** Undefined: there is no mail. */
  readonly validation: ThreepidValidation | undefined
  readonly sendMail: SendMail | undefined
  readonly names: LetterNames
  /** `enable_registration` */
  readonly isEnabled: boolean
  /** `request_token_inhibit_3pid_errors` */
  readonly hidesTaken: boolean
}

/** Addresses that are proven while an account is registered (client-server-api, "Account registration"). */
export const registrationAddressesHandlers = (deps: RegistrationAddressesDeps): Handlers<Served> => {
  const { threepids, validation, sendMail } = deps
  return {
    async requestTokenToRegisterEmail(request) {
      if (validation === undefined)
        throw new MatrixError('M_UNKNOWN', 'Email-based registration has been disabled on this server')
      if (!deps.isEnabled) throw new MatrixError('M_FORBIDDEN', 'Registration is disabled on this homeserver')
      const body = await request.json()
      mustHave(body, 'client_secret', 'email', 'send_attempt')
      if (typeof body.client_secret === 'string') mustBeClientSecret(body.client_secret)
      const asked = readTokenRequest(body, 'M_UNKNOWN')
      const denial = 'Your email domain is not authorized to register on this server'
      threepids.mustBeAllowed('email', asked.address, denial)
      countTokenRequest(deps, 'email', request.clientIp, asked.address)
      const nextLink = checkNextLink({ ...deps, nextLinkDomains: undefined }, asked.next_link)
      if ((await threepids.ownerOf('email', asked.address)) !== undefined) {
        if (!deps.hidesTaken) throw new MatrixError('M_THREEPID_IN_USE', 'Email is already in use')
        await sendMail?.(asked.address, alreadyInUseLetter(deps.names))
        return await pretendToSend()
      }
      return await sendToken(deps, 'register', asked, nextLink)
    },

    async requestTokenToRegisterMSISDN(request) {
      const body = await request.json()
      mustHave(body, 'client_secret', 'country', 'phone_number', 'send_attempt')
      if (typeof body.client_secret !== 'string')
        throw new MatrixError('M_INVALID_PARAM', 'Invalid client_secret parameter')
      mustBeClientSecret(body.client_secret)
      if (typeof body.phone_number !== 'string' || !/\d/.test(body.phone_number))
        throw new MatrixError('M_UNKNOWN', 'Unable to parse phone number')
      throw new MatrixError('M_UNKNOWN', 'Registration by phone number is not supported on this homeserver')
    },

    async submitTokenToRegister({ params: { medium }, query }) {
      if (medium !== 'email')
        throw new MatrixError('M_UNKNOWN', 'This medium is currently not supported for registration')
      if (validation === undefined)
        throw new MatrixError('M_UNKNOWN', 'Email-based registration is disabled on this server')
      return await followLink(validation, readLink(query), {
        title: 'Your e-mail address',
        done: 'Your address is confirmed. You can close this page and go on in your client.',
      })
    },
  }
}
