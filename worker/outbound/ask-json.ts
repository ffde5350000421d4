/** JSON asked of a server that a client named: only where the configuration lets us, and never more than a little. */

import { lookup } from 'node:dns'
import { type RequestOptions, request } from 'node:https'
import { isIP } from 'node:net'
import { parseJsonBytes } from '../../shared/matrix/json/parse.ts'
import type { JsonObject, JsonValue } from '../../shared/matrix/json/value.ts'
import type { AddressRanges } from './address-ranges.ts'

export interface JsonQuestion {
  readonly method: 'GET' | 'POST'
  /** `https:` */
  readonly url: URL
  /** Of the bearer. */
  readonly token: string
  readonly body?: JsonObject
}

/** The body of a 2xx. Throws for any other answer, or none. Redirects are not followed. */
export type AskJson = (question: JsonQuestion) => Promise<JsonValue>

export interface AskJsonOptions {
  readonly ranges: AddressRanges
  readonly timeoutMs?: number
  readonly maxBytes?: number
  /** For tests: more of the request's options. */
  readonly tls?: Pick<RequestOptions, 'port'> & { readonly rejectUnauthorized?: boolean; readonly ca?: string }
}

const TIMEOUT_MS = 60_000
const MAX_BYTES = 1024 * 1024

export function makeAskJson({ ranges, timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES, tls }: AskJsonOptions): AskJson {
  const forbidden = (host: string) => new Error(`${host} may not be asked: ip_range_blacklist`)
  /** What a name stands for is looked at when it is connected to: it may be another address each time. */
  const allowedLookup: RequestOptions['lookup'] = (host, options, done) =>
    lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return done(error, '', 0)
      const allowed = addresses.filter(({ address }) => ranges.allows(address))
      const [first] = allowed
      if (first === undefined) return done(forbidden(host), '', 0)
      if (options.all) return (done as (error: null, found: typeof allowed) => void)(null, allowed)
      done(null, first.address, first.family)
    })

  return async ({ method, url, token, body }) => {
    if (url.protocol !== 'https:') throw new Error(`not https: ${url.protocol}`)
    const host = url.hostname.replace(/^\[|\]$/g, '')
    if (isIP(host) !== 0 && !ranges.allows(host)) throw forbidden(host)
    const text = body === undefined ? undefined : JSON.stringify(body)
    return new Promise((resolve, reject) => {
      const asked = request(url, {
        ...tls,
        method,
        lookup: allowedLookup,
        signal: AbortSignal.timeout(timeoutMs),
        headers: {
          accept: 'application/json',
          authorization: `Bearer ${token}`,
          ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        },
      })
      asked.on('error', reject)
      asked.on('response', (response) => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size <= maxBytes) return void chunks.push(chunk)
          reject(new Error(`${host} answers with more than ${maxBytes} bytes`))
          asked.destroy()
        })
        response.on('error', reject)
        response.on('end', () => {
          const { statusCode = 0 } = response
          const parsed = parseJsonBytes(Buffer.concat(chunks))
          if (statusCode < 200 || statusCode > 299) reject(new Error(`${host} answers with ${statusCode}`))
          else if (parsed.ok) resolve(parsed.value)
          else reject(new Error(`${host} answers with no JSON: ${parsed.reason}`))
        })
      })
      asked.end(text)
    })
  }
}
