/** Who may ask for an endpoint: client-server-api, "Client Authentication". */

import type { Endpoint } from '../../shared/endpoints/types.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { accessTokenOf } from './access-token.ts'
import type { Query } from './query.ts'
import type { Requester, Requesters } from './requester.ts'

/** What authentication looks at. */
export interface Credentials {
  /** Every `Authorization` header. */
  readonly authorization: readonly string[]
  /** Parsed when it is asked for. */
  readonly query: Query
  /** What follows `?`, not decoded. */
  readonly queryText: string
  readonly clientIp: string
  readonly userAgent: string
}

export interface AuthenticateDeps {
  readonly requesters: Requesters
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/**
 * The requester of an endpoint with `auth` `user`, `user?`, `appservice` or `admin`; undefined only for `user?` without a
 * token. Throws the MatrixError that Synapse answers.
 */
export async function authenticate(
  credentials: Credentials,
  endpoint: Endpoint,
  { requesters, now }: AuthenticateDeps,
): Promise<Requester | undefined> {
  // Most queries have no token, and need not be parsed for it. `%61ccess_token` is one too.
  const mayHoldToken = credentials.queryText.includes('access_token') || credentials.queryText.includes('%')
  const inQuery = mayHoldToken ? credentials.query.get('access_token') : undefined
  const token = accessTokenOf(credentials.authorization, inQuery)
  if (token === undefined) {
    if (endpoint.auth === 'user?') return undefined
    throw new MatrixError('M_MISSING_TOKEN', 'Missing access token')
  }

  const owner = await requesters.byAccessToken(token)
  if (owner === undefined) throw unknownToken('Invalid access token passed.', false)
  const requester = owner.appserviceId === undefined ? owner : await asWhom(owner, credentials, requesters)
  if (requester === undefined) throw unknownToken('Invalid access token passed.', false)
  if (!endpoint.barred) refuseBarred(requester, endpoint, now())
  requesters.seen?.(requester, { token, ip: credentials.clientIp, userAgent: credentials.userAgent })

  if (requester.isGuest && !endpoint.guests)
    throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guest access not allowed')
  if (endpoint.auth === 'appservice' && requester.appserviceId === undefined)
    throw new MatrixError('M_FORBIDDEN', 'Only application services may do this')
  if (endpoint.auth === 'admin' && !(await requesters.isAdmin(requester.userId)))
    throw new MatrixError('M_FORBIDDEN', 'You are not a server admin')
  return requester
}

/** `soft_logout`: the session is still there, a refresh token or a log-in with its device brings it back. */
const unknownToken = (message: string, softLogout: boolean) =>
  new MatrixError('M_UNKNOWN_TOKEN', message, { soft_logout: softLogout })

function refuseBarred(
  { validUntilMs, isLocked, accountValidUntilMs }: Requester,
  { expired }: Endpoint,
  now: number,
): void {
  if (validUntilMs !== undefined && validUntilMs < now) throw unknownToken('Access token has expired', true)
  if (isLocked) throw new MatrixError('M_USER_LOCKED', 'User account has been locked', { soft_logout: true })
  if (!expired && accountValidUntilMs !== undefined && accountValidUntilMs <= now)
    throw new MatrixError('ORG_MATRIX_EXPIRED_ACCOUNT', 'User account has expired')
}

/** Application Service API, "Identity assertion" and "Device assertion". */
function asWhom(appservice: Requester, { query, clientIp }: Credentials, requesters: Requesters) {
  const userId = query.get('user_id')?.[0]
  const deviceId = query.get('device_id')?.[0] ?? query.get('org.matrix.msc3202.device_id')?.[0]
  return requesters.actAs(appservice, { userId, deviceId, ip: clientIp })
}
