/**
 * The `Authorization` header of requests between servers (server-server API, "Request Authentication"; RFC 9110, 11.4).
 */

import { parseKeyId } from './ids/key-id.ts'
import { parseServerName } from './ids/server-name.ts'
import type { KeyId, ServerName } from './ids.ts'
import { accepted, type Result, refused } from './result.ts'

export interface XMatrix {
  readonly origin: ServerName
  /** Undefined: the sender is older than Matrix 1.3. If there is one, it must be the receiver's name. */
  readonly destination: ServerName | undefined
  readonly key: KeyId
  /** Base64, as it came: not decoded, not verified. */
  readonly signature: string
}

/** The header's value as the receivers of all ages read it: one space, lower case, all values quoted. */
export function writeXMatrix({ origin, destination, key, signature }: XMatrix): string {
  const to = destination === undefined ? '' : `destination=${quote(destination)},`
  return `X-Matrix origin=${quote(origin)},${to}key=${quote(key)},sig=${quote(signature)}`
}

const quote = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`

/**
 * Reads what {@link writeXMatrix} writes, and what else RFC 9110 allows: names in any case and order, white space around
 * `,` and `=`, empty list elements, unknown parameters, escapes, tokens without quotes. A name that occurs twice is refused.
 *
 * NOTSPEC: values without quotes may have any visible characters but `,`, `"` and `\`: the specification asks for `:`, and
 * Synapse takes addresses in brackets and base64 too. The parameter of the signature is `sig`, as in the specification's example and
 * in all servers; its list of parameters says `signature`.
 */
export function parseXMatrix(header: string): Result<XMatrix> {
  const parameters = readParameters(header)
  if (!parameters.ok) return parameters
  const [origin, destination, key, sig] = ['origin', 'destination', 'key', 'sig'].map((name) =>
    parameters.value.get(name),
  )
  if (origin === undefined || key === undefined || !sig) return refused('X-Matrix has not all of origin, key and sig')
  const from = parseServerName(origin)
  if (!from.ok) return refused('X-Matrix: origin is not a server name')
  const to = destination === undefined ? accepted(undefined) : parseServerName(destination)
  if (!to.ok) return refused('X-Matrix: destination is not a server name')
  const keyId = parseKeyId(key)
  if (!keyId.ok) return refused(`X-Matrix: ${keyId.reason}`)
  return accepted({ origin: from.value, destination: to.value, key: keyId.value, signature: sig })
}

const SCHEME = /^[ \t]*X-Matrix +/i
const SEPARATORS = /[ \t]*(?:,[ \t]*)*/y
/** Name, and value in quotes or without; then the end or a comma. */
const PARAMETER =
  /([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\uffff]|\\[\t \x21-\x7e\x80-\uffff])*)"|([\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]+))[ \t]*(?=,|$)/y

function readParameters(header: string): Result<ReadonlyMap<string, string>> {
  const scheme = SCHEME.exec(header)
  if (scheme === null) return refused('the Authorization header is not X-Matrix')
  const parameters = new Map<string, string>()
  for (let at = scheme[0].length; ; ) {
    SEPARATORS.lastIndex = at
    at += SEPARATORS.exec(header)![0].length
    if (at === header.length) return accepted(parameters)
    PARAMETER.lastIndex = at
    const parameter = PARAMETER.exec(header)
    if (parameter === null) return refused(`X-Matrix: no parameter at offset ${at}`)
    const name = parameter[1]!.toLowerCase()
    if (parameters.has(name)) return refused(`X-Matrix: ${name} occurs twice`)
    parameters.set(name, parameter[2]?.replace(/\\(.)/gs, '$1') ?? parameter[3]!)
    at += parameter[0].length
  }
}
