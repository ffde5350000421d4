/** Log-ins with JSON Web Tokens of another system (`jwt_config`; RFC 7519, RFC 7515). */

import { constants, createHmac, createPublicKey, type KeyObject, timingSafeEqual, verify } from 'node:crypto'
import type { UserId } from '../../shared/matrix/ids.ts'
import { isObject, type JsonObject, type JsonValue } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'

export interface JwtSettings {
  /** A secret for `HS…`; a public key, or a certificate, in PEM for the others. */
  readonly secret: string
  /** `HS256`, `RS256` …: no token chooses another. */
  readonly algorithm: string
  readonly subjectClaim: string
  readonly displayNameClaim: string | undefined
  /** Undefined: any. */
  readonly issuer: string | undefined
  /** Undefined: tokens must have no `aud`. */
  readonly audiences: readonly string[] | undefined
}

export interface JwtUser {
  readonly userId: UserId
  readonly localpart: string
  readonly displayName: string | undefined
}

export interface JwtLogins {
  /** Throws M_FORBIDDEN. */
  readonly userOf: (token: JsonValue | undefined) => JwtUser
}

const forbidden = (message: string) => new MatrixError('M_FORBIDDEN', message)
const failed = (why: string) => forbidden(`JWT validation failed: ${why}`)
/** Clocks that do not agree. */
const LEEWAY_S = 120
const MAX_LENGTH = 16_384

type Check = (signed: Buffer, signature: Buffer) => boolean

function checkOf({ algorithm, secret }: JwtSettings): Check {
  const hash = `sha${algorithm.slice(2)}`
  if (algorithm.startsWith('HS'))
    return (signed, signature) => {
      const expected = createHmac(hash, secret).update(signed).digest()
      return expected.length === signature.length && timingSafeEqual(expected, signature)
    }
  const key: KeyObject = createPublicKey(secret)
  const options = algorithm.startsWith('PS')
    ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : algorithm.startsWith('ES')
      ? { key, dsaEncoding: 'ieee-p1363' as const }
      : { key, padding: constants.RSA_PKCS1_PADDING }
  return (signed, signature) => verify(hash, signed, options, signature)
}

const objectIn = (part: string): JsonObject | undefined => {
  try {
    const value = JSON.parse(Buffer.from(part, 'base64url').toString()) as JsonValue
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Throws for a key that is none. */
export function makeJwtLogins(settings: JwtSettings, serverName: string, now: () => number = Date.now): JwtLogins {
  const check = checkOf(settings)
  const { algorithm, issuer, audiences } = settings

  function claimsOf(token: string): JsonObject {
    const parts = token.length > MAX_LENGTH ? [] : token.split('.')
    const [head, body, signature] = parts
    const header = parts.length === 3 ? objectIn(head!) : undefined
    const claims = parts.length === 3 ? objectIn(body!) : undefined
    if (header === undefined || claims === undefined || signature === undefined) throw failed('decode_error: ')
    if (header.alg !== algorithm) throw failed('unsupported_algorithm: ')
    if (!check(Buffer.from(`${head}.${body}`), Buffer.from(signature, 'base64url')))
      throw failed('Signature verification failed')
    return claims
  }

  function checkClaims({ iss, aud, exp, nbf, iat }: JsonObject): void {
    const seconds = now() / 1000
    if (issuer !== undefined) {
      if (iss === undefined) throw failed("missing_claim: Missing 'iss' claim")
      if (iss !== issuer) throw failed("invalid_claim: Invalid claim 'iss'")
    }
    const given = Array.isArray(aud) ? aud : [aud]
    if (audiences === undefined || audiences.length === 0) {
      if (aud !== undefined && aud !== null) throw failed("invalid_claim: Invalid claim 'aud'")
    } else if (aud === undefined) throw failed("missing_claim: Missing 'aud' claim")
    else if (!given.some((one) => typeof one === 'string' && audiences.includes(one)))
      throw failed("invalid_claim: Invalid claim 'aud'")
    for (const [name, value] of Object.entries({ exp, nbf, iat }))
      if (value !== undefined && typeof value !== 'number') throw failed(`invalid_claim: Invalid claim '${name}'`)
    if (typeof exp === 'number' && exp < seconds - LEEWAY_S) throw failed('expired_token: The token is expired')
    if (typeof nbf === 'number' && nbf > seconds + LEEWAY_S) throw failed('invalid_token: The token is not valid yet')
    if (typeof iat === 'number' && iat > seconds + LEEWAY_S)
      throw failed('invalid_token: The token is not valid as it was issued in the future')
  }

  return {
    userOf(token) {
      if (token === undefined || token === null) throw forbidden('Token field for JWT is missing')
      if (typeof token !== 'string') throw failed('decode_error: ')
      const claims = claimsOf(token)
      checkClaims(claims)
      const subject = claims[settings.subjectClaim]
      if (typeof subject !== 'string' || subject === '') throw forbidden('Invalid JWT')
      const name = settings.displayNameClaim === undefined ? undefined : claims[settings.displayNameClaim]
      return {
        userId: `@${subject}:${serverName}` as UserId,
        localpart: subject,
        displayName: typeof name === 'string' ? name : undefined,
      }
    },
  }
}
