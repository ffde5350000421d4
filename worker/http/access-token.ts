import { MatrixError } from '../../shared/matrix/matrix-error.ts'

const missing = (message: string) => new MatrixError('M_MISSING_TOKEN', message)

/**
 * The request's access token (client-server-api, "Using access tokens"): from its `Authorization` headers, or from
 * `access_token=` values. Undefined: there is none. Throws M_MISSING_TOKEN for what can be understood in more than one way, in
 * Synapse's words.
 */
export function accessTokenOf(
  authorization: readonly string[],
  inQuery: readonly string[] | undefined,
): string | undefined {
  const [header] = authorization
  if (header === undefined) return inQuery?.[0]
  if (inQuery !== undefined) throw missing('Mixing Authorization headers and access_token query parameters.')
  if (authorization.length > 1) throw missing('Too many Authorization headers.')
  const token = header.startsWith('Bearer ') ? header.slice(7) : ''
  if (token === '' || token.includes(' ')) throw missing('Invalid Authorization header.')
  return token
}
