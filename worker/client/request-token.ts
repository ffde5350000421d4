/** What the `requestToken` endpoints have in common: a mail is asked for, with a link that proves an address. */

import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { integer, object, optional, type Schema, string, type TypeOf } from '../../shared/schema.ts'
import { checked } from '../http/body.ts'
import type { RateLimiter } from '../http/rate-limit.ts'
import type { Purpose } from '../mail/letters.ts'
import { mustBeEmail } from '../users/email-address.ts'
import { randomLetters } from '../users/session-tokens.ts'
import type { ThreepidValidation } from '../users/threepid-validation.ts'

/** Synapse's error code for one that is not as the specification has it. */
export const clientSecret: Schema<string> = {
  isOptional: false,
  check(value) {
    const isOne = typeof value === 'string' && /^[0-9a-zA-Z.=_-]{1,255}$/.test(value)
    return isOne ? undefined : { errcode: 'M_BAD_JSON', reason: 'must be 1 to 255 of a-z, A-Z, 0-9, . = _ -', path: [] }
  },
}

const requestBody = object({
  client_secret: clientSecret,
  email: string(),
  send_attempt: integer(),
  next_link: optional(string()),
})

export interface TokenRequest extends TypeOf<typeof requestBody> {
  /** Canonical, as `email` was given. */
  readonly address: string
}

/** Throws M_BAD_JSON, M_MISSING_PARAM, M_INVALID_PARAM. */
export function readTokenRequest(body: JsonObject, errcode = 'M_INVALID_PARAM'): TokenRequest {
  const request = checked(body, requestBody)
  return { ...request, address: mustBeEmail(request.email, errcode) }
}

export interface RequestTokenDeps {
  /** Undefined: there is no mail. */
  readonly validation: Pick<ThreepidValidation, 'begin'> | undefined
  /** `rc_3pid_validation`, by the client's address and by that of the mail. */
  readonly limits: { readonly ip: RateLimiter; readonly address: RateLimiter }
  /** `next_link_domain_whitelist`; undefined: any. */
  readonly nextLinkDomains: readonly string[] | undefined
}

/** Throws M_LIMIT_EXCEEDED. */
export function countTokenRequest(
  { limits }: RequestTokenDeps,
  medium: string,
  clientIp: string,
  address: string,
): void {
  limits.ip.takeOrRefuse(JSON.stringify([medium, clientIp]))
  limits.address.takeOrRefuse(JSON.stringify([medium, address]))
}

/** What browsers would take for something to run or to read, and not for somewhere to go. */
const LOCAL = new Set(['file:', 'javascript:', 'data:', 'vbscript:', 'blob:'])

/** A URL, in ASCII. Throws M_INVALID_PARAM for where clients must not be led. */
export function checkNextLink({ nextLinkDomains }: RequestTokenDeps, link: string | undefined): string | undefined {
  if (link === undefined || link === '') return undefined
  const url = URL.canParse(link) ? new URL(link) : undefined
  const isAllowed = url !== undefined && !LOCAL.has(url.protocol) && (nextLinkDomains?.includes(url.hostname) ?? true)
  if (!isAllowed)
    throw new MatrixError('M_INVALID_PARAM', "'next_link' domain not included in whitelist, or not http(s)")
  return url.href
}

/** The session's ID, after the mail was sent. */
export async function sendToken(
  { validation }: RequestTokenDeps,
  purpose: Purpose,
  { address, client_secret: clientSecret, send_attempt: sendAttempt }: TokenRequest,
  nextLink: string | undefined,
): Promise<{ readonly sid: string }> {
  return { sid: await validation!.begin({ purpose, email: address, clientSecret, sendAttempt, nextLink }) }
}

/** As {@link sendToken} to somebody who is not to learn that nothing was sent. */
export async function pretendToSend(): Promise<{ readonly sid: string }> {
  await sleep(randomInt(100, 1000))
  return { sid: randomLetters(16) }
}
