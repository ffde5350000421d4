/** The one place where errors become answers. */

import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { json, type Reply } from './reply.ts'

/**
 * The status of each error code: client-server-api, "Common error codes" and "Other error codes", the endpoints' own
 * descriptions, and where those leave it open, Synapse. A code that is not here has 400.
 */
const statuses: Readonly<Record<string, number>> = {
  M_FORBIDDEN: 403,
  M_UNKNOWN_TOKEN: 401,
  M_MISSING_TOKEN: 401,
  M_UNAUTHORIZED: 401,
  M_USER_LOCKED: 401,
  M_USER_SUSPENDED: 403,
  M_USER_DEACTIVATED: 403,
  ORG_MATRIX_EXPIRED_ACCOUNT: 403,
  M_GUEST_ACCESS_FORBIDDEN: 403,
  M_UNRECOGNIZED: 404,
  M_NOT_FOUND: 404,
  M_LIMIT_EXCEEDED: 429,
  M_TOO_LARGE: 413,
  M_BAD_JSON: 400,
  M_NOT_JSON: 400,
  M_MISSING_PARAM: 400,
  M_INVALID_PARAM: 400,
  M_BAD_PAGINATION: 400,
  // Without a status of its own it is a request that makes no sense. Our own failures are 500: `errorReply`.
  M_UNKNOWN: 400,

  M_USER_IN_USE: 400,
  M_INVALID_USERNAME: 400,
  M_EXCLUSIVE: 400,
  M_WEAK_PASSWORD: 400,
  M_PASSWORD_TOO_SHORT: 400,
  M_PASSWORD_NO_DIGIT: 400,
  M_PASSWORD_NO_UPPERCASE: 400,
  M_PASSWORD_NO_LOWERCASE: 400,
  M_PASSWORD_NO_SYMBOL: 400,
  M_PASSWORD_IN_DICTIONARY: 400,
  M_CAPTCHA_NEEDED: 400,
  M_CAPTCHA_INVALID: 400,
  M_APPSERVICE_LOGIN_UNSUPPORTED: 400,
  M_RESOURCE_LIMIT_EXCEEDED: 403,
  M_USER_LIMIT_EXCEEDED: 403,
  M_CONSENT_NOT_GIVEN: 403,
  M_TERMS_NOT_SIGNED: 403,
  M_UNKNOWN_DEVICE: 400,

  M_THREEPID_IN_USE: 400,
  M_THREEPID_NOT_FOUND: 400,
  M_THREEPID_AUTH_FAILED: 400,
  M_THREEPID_DENIED: 403,
  M_THREEPID_MEDIUM_NOT_SUPPORTED: 400,
  M_SERVER_NOT_TRUSTED: 400,

  M_ROOM_IN_USE: 400,
  M_BAD_ALIAS: 400,
  M_BAD_STATE: 403,
  M_INVALID_ROOM_STATE: 400,
  M_UNSUPPORTED_ROOM_VERSION: 400,
  M_INCOMPATIBLE_ROOM_VERSION: 400,
  M_UNABLE_TO_AUTHORISE_JOIN: 400,
  M_UNABLE_TO_GRANT_JOIN: 400,
  M_CANNOT_LEAVE_SERVER_NOTICE_ROOM: 403,
  M_DUPLICATE_ANNOTATION: 400,
  M_INVITE_BLOCKED: 403,
  M_INVALID_SIGNATURE: 400,
  M_WRONG_ROOM_KEYS_VERSION: 403,
  M_UNKNOWN_POS: 400,
  M_PROFILE_TOO_LARGE: 400,
  M_KEY_TOO_LARGE: 400,

  M_NOT_YET_UPLOADED: 504,
  M_CANNOT_OVERWRITE_MEDIA: 409,

  M_URL_NOT_SET: 400,
  M_BAD_STATUS: 502,
  M_CONNECTION_FAILED: 502,
  M_CONNECTION_TIMEOUT: 504,
}

/** Whether the code has a status of its own. */
export const isKnownErrcode = (errcode: string): boolean => Object.hasOwn(statuses, errcode)

export const statusOf = ({ errcode, status }: MatrixError): number => status ?? statuses[errcode] ?? 400

export const unrecognized = (status: 404 | 405): MatrixError =>
  new MatrixError('M_UNRECOGNIZED', 'Unrecognized request', {}, status)

/** As the client is to come back in so many milliseconds. */
export const limitExceeded = (retryAfterMs: number): MatrixError =>
  new MatrixError('M_LIMIT_EXCEEDED', 'Too Many Requests', { retry_after_ms: Math.ceil(retryAfterMs) })

/** The answer to a request whose handler threw `error`. Of what is not a {@link MatrixError} nothing is told. */
export function errorReply(error: unknown): Reply {
  if (!(error instanceof MatrixError))
    return json({ errcode: 'M_UNKNOWN', error: 'Internal server error' }, { status: 500 })
  const status = statusOf(error)
  const { retry_after_ms: retryAfterMs } = error.extra
  const body = { errcode: error.errcode, error: error.message, ...error.extra }
  if (typeof retryAfterMs !== 'number') return json(body, { status })
  return json(body, { status, headers: { 'Retry-After': String(Math.ceil(retryAfterMs / 1000)) } })
}
