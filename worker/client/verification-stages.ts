/** Stages of user-interactive authentication that prove something to this server. */

import { isObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Stage } from '../http/ui-auth.ts'
import type { ThreepidValidation } from '../users/threepid-validation.ts'

/** The client may try again in the same session. */
const missing = (what: string) => new MatrixError('M_MISSING_PARAM', what, {}, 401)

/** `m.login.email.identity`: a link in a mail was followed. The result has `medium`, `address`, `validated_at`. */
export const emailStage = (validation: Pick<ThreepidValidation, 'take'>): Stage => ({
  async check(auth) {
    const given = auth.threepid_creds ?? auth.threepidCreds
    if (!isObject(given)) throw missing('Missing threepid_creds')
    const { sid, client_secret: secret } = given
    if (typeof sid !== 'string' || typeof secret !== 'string' || secret === '')
      throw missing('Missing parameter: client_secret')
    const proven = await validation.take(sid, secret)
    if (proven === undefined) throw new MatrixError('M_UNAUTHORIZED', 'Unable to get validated threepid')
    return {
      medium: proven.medium,
      address: proven.address,
      validated_at: proven.validatedAt,
      threepid_creds: { sid, client_secret: secret },
    }
  },
})

export interface RecaptchaSettings {
  readonly publicKey: string
  readonly privateKey: string
  /** Who knows whether an answer is right. */
  readonly verifyUrl: string
}

const PATIENCE_MS = 10_000
const MAX_RESPONSE = 10_000

/** `m.login.recaptcha`: Google, or whoever is configured, is asked. */
export const recaptchaStage = (
  { publicKey, privateKey, verifyUrl }: RecaptchaSettings,
  onProblem: (problem: string, error: unknown) => void,
): Stage => ({
  params: { public_key: publicKey },
  async check({ response }, { clientIp }) {
    if (typeof response !== 'string' || response === '')
      throw new MatrixError('M_CAPTCHA_NEEDED', 'Captcha response is required', {}, 401)
    if (response.length <= MAX_RESPONSE) {
      const body = new URLSearchParams({ secret: privateKey, response, remoteip: clientIp })
      const answer = await ask(verifyUrl, body).catch((error: unknown) => {
        onProblem('a reCAPTCHA could not be checked', error)
        throw new MatrixError('M_UNKNOWN', 'The captcha could not be checked', {}, 502)
      })
      if (answer === true) return true
    }
    throw new MatrixError('M_UNAUTHORIZED', 'Captcha authentication failed')
  },
})

async function ask(url: string, body: URLSearchParams): Promise<boolean> {
  const answer = await fetch(url, {
    method: 'POST',
    body,
    redirect: 'error',
    signal: AbortSignal.timeout(PATIENCE_MS),
  })
  const { success } = (await answer.json()) as { readonly success?: unknown }
  return success === true
}
