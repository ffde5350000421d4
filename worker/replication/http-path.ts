/** Paths of HTTP replication. */

import {
  type ReplicationEndpoint,
  type ReplicationEndpointName,
  replicationEndpoint,
  replicationEndpoints,
} from './http-endpoints.ts'

export const PREFIX = '/_synapse/replication/'

/** In bodies and answers: how far the sender's streams are, so that the receiver can wait until it has seen that. */
export const STREAM_POSITIONS = '_INT_STREAM_POS'

/** Where nothing comes, one goes on without after this. */
export const WAIT_FOR_STREAMS_MS = 5_000

/** Every argument must be there: a missing one is a bug of the caller, and throws. */
export function printPath(
  name: ReplicationEndpointName,
  args: Readonly<Record<string, string>>,
  transaction: string,
): string {
  const endpoint: ReplicationEndpoint = replicationEndpoints[name]
  const parts = endpoint.args.map((arg) => {
    const value = args[arg]
    if (value === undefined || value === '') throw new Error(`${name} needs ${arg}`)
    return encodeWhole(value)
  })
  if (endpoint.hasTransaction) parts.push(transaction)
  // Without any there is a slash all the same.
  return `${PREFIX}${name}/${parts.join('/')}`
}

/** As Python's `quote(value, safe='')`: also what JavaScript leaves alone, but Synapse encodes. */
const encodeWhole = (value: string): string =>
  encodeURIComponent(value).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

export interface ParsedPath {
  readonly name: ReplicationEndpointName
  readonly endpoint: ReplicationEndpoint
  readonly args: Readonly<Record<string, string>>
  readonly transaction: string | undefined
}

/** Undefined: nothing of HTTP replication. Never throws. */
export function parsePath(path: string): ParsedPath | undefined {
  if (!path.startsWith(PREFIX)) return undefined
  const [name, ...parts] = path.slice(PREFIX.length).split('/')
  const endpoint = replicationEndpoint(name!)
  if (endpoint === undefined) return undefined
  const values: string[] = []
  try {
    for (const part of parts) values.push(decodeURIComponent(part))
  } catch {
    return undefined
  }
  const expected = endpoint.args.length + (endpoint.hasTransaction ? 1 : 0)
  if (expected === 0) return values.join() === '' ? found(name!, endpoint, {}, undefined) : undefined
  if (values.length !== expected || values.includes('')) return undefined
  const transaction = endpoint.hasTransaction ? values.pop() : undefined
  return found(
    name!,
    endpoint,
    Object.fromEntries(endpoint.args.map((arg, index) => [arg, values[index]!])),
    transaction,
  )
}

const found = (
  name: string,
  endpoint: ReplicationEndpoint,
  args: Readonly<Record<string, string>>,
  transaction: string | undefined,
): ParsedPath => ({ name: name as ReplicationEndpointName, endpoint, args, transaction })
