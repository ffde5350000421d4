import type { crossSigningEndpoints } from '../../shared/endpoints/client/cross_signing.ts'
import { isObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Handlers } from '../http/handlers.ts'
import type { CrossSigning } from '../keys/cross-signing.ts'
import type { UploadSignatures } from '../keys/signatures.ts'
import type { ConfirmUser } from './confirm-user.ts'

export interface CrossSigningHandlersDeps {
  readonly crossSigning: CrossSigning
  readonly uploadSignatures: UploadSignatures
  readonly confirmUser: ConfirmUser
}

/** client-server-api, "Cross-signing". */
export const crossSigningHandlers = ({
  crossSigning,
  uploadSignatures,
  confirmUser,
}: CrossSigningHandlersDeps): Handlers<typeof crossSigningEndpoints> => ({
  async uploadCrossSigningKeys(request) {
    const body = await request.json()
    if (body.auth !== undefined && body.auth !== null && !isObject(body.auth))
      throw new MatrixError('M_BAD_JSON', 'auth: must be an object')
    const { requester, method, target, clientIp, userAgent } = request
    const { master_key: master, self_signing_key: selfSigning, user_signing_key: userSigning } = body
    const upload = {
      ...(master !== undefined && { master }),
      ...(selfSigning !== undefined && { self_signing: selfSigning }),
      ...(userSigning !== undefined && { user_signing: userSigning }),
    }
    const change = await crossSigning.compare(requester.userId, upload)
    if (change === 'same') return {}
    if (change === 'replaces') {
      const reply = await confirmUser({
        request: { method, target, clientIp, userAgent },
        requester,
        body,
        description: 'reset the device signing key on your account',
      })
      if (reply !== undefined) return reply
    }
    await crossSigning.upload(requester.userId, upload)
    return {}
  },

  async uploadCrossSigningSignatures(request) {
    return { failures: await uploadSignatures(request.requester.userId, await request.json()) }
  },
})
