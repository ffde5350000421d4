/** What an identity server is asked, in the name of a client that has a token for it (identity-service-api, v2). */

import { createHash } from 'node:crypto'
import { isUserId } from '../../../shared/matrix/ids/user-id.ts'
import type { UserId } from '../../../shared/matrix/ids.ts'
import { isObject, type JsonObject, type JsonValue, property } from '../../../shared/matrix/json/value.ts'
import { MatrixError } from '../../../shared/matrix/matrix-error.ts'

/** The body of a good answer; throws for any other. To be kept from private addresses: clients name the server. */
export type AskIdentityServer = (question: {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  readonly token: string
  readonly body?: JsonObject
}) => Promise<JsonValue>

export interface ThirdPartyId {
  readonly medium: string
  readonly address: string
  /** A name, and a port if need be. */
  readonly idServer: string
  readonly idAccessToken: string
}

export interface StoredInvite {
  readonly token: string
  readonly displayName: string
  readonly publicKeys: readonly JsonObject[]
  /** One of them, for rules of before there were several. */
  readonly publicKey: JsonObject
}

const V2 = '/_matrix/identity/v2'

/** Throws M_INVALID_PARAM for what names no server. */
function urlOf({ idServer }: ThirdPartyId, path: string): URL {
  // Nothing but a host and a port: no path, no user.
  const text = `https://${idServer}`
  const url = /^[A-Za-z0-9.:[\]-]+$/.test(idServer) && URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.pathname !== '/' || url.username !== '')
    throw new MatrixError('M_INVALID_PARAM', 'id_server is not the name of a server')
  url.pathname = `${V2}${path}`
  return url
}

/** Whose address it is. Undefined: nobody's, or the server could not be asked. */
export async function lookUp(ask: AskIdentityServer, id: ThirdPartyId): Promise<UserId | undefined> {
  const token = id.idAccessToken
  const details = await ask({ method: 'GET', url: urlOf(id, '/hash_details'), token })
  if (!isObject(details)) throw new Error('hash_details are no object')
  const { algorithms, lookup_pepper: pepper } = details
  if (!Array.isArray(algorithms) || typeof pepper !== 'string' || pepper === '') throw new Error('no hash_details')
  const algorithm = ['sha256', 'none'].find((known) => algorithms.includes(known))
  if (algorithm === undefined) throw new Error(`none of the algorithms is known: ${JSON.stringify(algorithms)}`)
  const hashed =
    algorithm === 'none'
      ? `${id.address} ${id.medium}`
      : createHash('sha256').update(`${id.address} ${id.medium} ${pepper}`).digest('base64url')
  const found = await ask({
    method: 'POST',
    url: urlOf(id, '/lookup'),
    token,
    body: { addresses: [hashed], algorithm, pepper },
  })
  const mappings = isObject(found) ? found.mappings : undefined
  const userId = isObject(mappings) ? property(mappings, hashed) : undefined
  return typeof userId === 'string' && isUserId(userId) ? userId : undefined
}

/** The server writes to who has the address, and gives a token by which they may come. `room`: what the letter says. */
export async function storeInvite(
  ask: AskIdentityServer,
  id: ThirdPartyId,
  room: Readonly<Record<string, string>>,
): Promise<StoredInvite> {
  const answer = await ask({
    method: 'POST',
    url: urlOf(id, '/store-invite'),
    token: id.idAccessToken,
    body: { medium: id.medium, address: id.address, ...room },
  })
  const { token, display_name: displayName, public_keys: listed, public_key: single } = isObject(answer) ? answer : {}
  const publicKeys = Array.isArray(listed) ? (listed as readonly JsonValue[]).filter(isObject) : []
  const fallback: JsonObject | undefined =
    typeof single === 'string'
      ? { public_key: single, key_validity_url: `https://${id.idServer}${V2}/pubkey/isvalid` }
      : publicKeys[0]
  if (typeof token !== 'string' || typeof displayName !== 'string' || fallback === undefined)
    throw new Error('the identity server gives no token, name or key')
  return {
    token,
    displayName,
    publicKeys: publicKeys.length === 0 ? [fallback] : publicKeys,
    publicKey: fallback,
  }
}

/** Throws M_BAD_JSON where anything is no text. */
export function thirdPartyOf(body: JsonObject): ThirdPartyId {
  const text = (name: string): string => {
    const value = body[name]
    if (typeof value !== 'string' || /[^\x20-\x7e]/.test(name === 'id_access_token' ? value : ''))
      throw new MatrixError('M_BAD_JSON', `${name} must be a string`)
    return value
  }
  return {
    medium: text('medium'),
    address: text('address'),
    idServer: text('id_server'),
    idAccessToken: text('id_access_token'),
  }
}
