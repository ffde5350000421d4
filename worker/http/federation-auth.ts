/** Which server asks: server-server-api, "Request Authentication". */

import { decodeBase64 } from '../../shared/matrix/base64.ts'
import type { KeyId, ServerName } from '../../shared/matrix/ids.ts'
import { signedText } from '../../shared/matrix/json/signed-text.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { VerifyKey } from '../../shared/matrix/signing/ed25519.ts'
import { holdsLater } from '../../shared/matrix/signing/signatures.ts'
import { parseXMatrix, type XMatrix } from '../../shared/matrix/x-matrix.ts'

export interface FederationAuthDeps {
  readonly serverName: ServerName
  /** The server's key of that ID that is valid now, from wherever it is had; undefined: it has none. */
  verifyKey(server: ServerName, keyId: KeyId): VerifyKey | undefined | Promise<VerifyKey | undefined>
  /** `federation_domain_whitelist`. Absent: every server may ask. */
  readonly allowedServers?: ReadonlySet<string> | undefined
  /** Told of every server that has proven who it is: it is up. Must not throw. */
  seen?(origin: ServerName): void
}

export interface SignedRequest {
  readonly method: string
  /** As it stands in the request line: the signature covers it byte for byte. */
  readonly target: string
  /** The body, if there is one. */
  readonly content: JsonObject | undefined
}

const unauthorized = (message: string, status: 400 | 401) => new MatrixError('M_UNAUTHORIZED', message, {}, status)

/**
 * The server that signed the request, by its `Authorization` headers. There may be several, with one key each: all must be
 * of one server, and all their signatures must hold. Throws M_UNAUTHORIZED with 401, for a malformed header with 400, and
 * M_FORBIDDEN for a server we do not federate with.
 */
export async function authenticateServer(
  authorization: readonly string[],
  request: SignedRequest,
  deps: FederationAuthDeps,
): Promise<ServerName> {
  const headers = authorization
    .filter((header) => /^\s*X-Matrix\b/i.test(header))
    .map((header) => readHeader(header, deps))
  const [first] = headers
  if (first === undefined) throw unauthorized('Missing Authorization headers', 401)
  const { origin } = first
  if (headers.some((header) => header.origin !== origin))
    throw unauthorized('Authorization headers of several servers', 401)
  if (deps.allowedServers !== undefined && !deps.allowedServers.has(origin))
    throw new MatrixError('M_FORBIDDEN', `Federation denied with ${origin}.`)

  const { method, target: uri, content } = request
  const signed: JsonObject = { method, uri, origin, destination: deps.serverName, ...(content && { content }) }
  const text = Buffer.from(signedText(signed))
  await Promise.all(headers.map((header) => verify(header, text, deps)))
  deps.seen?.(origin)
  return origin
}

function readHeader(header: string, { serverName }: FederationAuthDeps): XMatrix {
  const parsed = parseXMatrix(header)
  if (!parsed.ok) throw unauthorized('Malformed Authorization header', 400)
  const { destination } = parsed.value
  if (destination !== undefined && destination !== serverName)
    throw unauthorized(`Destination mismatch in auth header, received: '${destination}'`, 401)
  return parsed.value
}

async function verify(
  { origin, key: keyId, signature }: XMatrix,
  signed: Buffer,
  deps: FederationAuthDeps,
): Promise<void> {
  const key = await deps.verifyKey(origin, keyId)
  if (key === undefined) throw unauthorized(`No valid key ${keyId} of ${origin} is known`, 401)
  const bytes = decodeBase64(signature)
  if (bytes === undefined || !(await holdsLater({ publicKey: key.publicKey, bytes, signed })))
    throw unauthorized(`Invalid signature for server ${origin} with key ${keyId}`, 401)
}
