/** An operation made ready to be served: what does not depend on the request is found once. */

import type { Endpoint } from '../../shared/endpoints/types.ts'
import type { ServerName } from '../../shared/matrix/ids.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import type { Schema } from '../../shared/schema.ts'
import { authenticate } from './authenticate.ts'
import { checked, parseObject, tooLarge } from './body.ts'
import type { Exchange } from './exchange.ts'
import { authenticateServer, type FederationAuthDeps } from './federation-auth.ts'
import type { Answer, Operation } from './handlers.ts'
import type { PathEntry } from './path-trie.ts'
import { percentDecode } from './percent.ts'
import type { Requesters } from './requester.ts'

export interface RouteDeps {
  readonly requesters: Requesters
  /** Absent: federation endpoints are not served. */
  readonly federation?: FederationAuthDeps | undefined
  /** Of endpoints without a limit of their own, in bytes. */
  readonly maxBodyBytes: number
  /** `max_upload_size`, in bytes. */
  readonly maxUploadBytes: number
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface Route {
  readonly operation: Operation
  /** From authentication to the handler's answer; throws what there is to be told instead. */
  readonly run: (exchange: Exchange, segments: readonly string[]) => Promise<Answer>
}

/** The operation under each of its prefixes, for a trie. */
export function routeEntries(operation: Operation, deps: RouteDeps): readonly PathEntry<Route>[] {
  const { endpoint } = operation
  const route = { operation, run: makeRun(operation, deps) }
  const names = parameterNames(endpoint.path)
  const nonEmpty = (endpoint.nonEmpty ?? []).map((name) => names.indexOf(name))
  const tails = endpoint.optionalSlash ? [endpoint.path, `${endpoint.path}/`] : [endpoint.path]
  return endpoint.under.flatMap((prefix) =>
    tails.map((tail) => ({ method: endpoint.method, path: prefix + tail, nonEmpty, value: route })),
  )
}

const parameterNames = (path: string): readonly string[] => [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)

function makeRun({ endpoint, handle }: Operation, deps: RouteDeps): Route['run'] {
  const names = parameterNames(endpoint.path)
  const serve = handle as (exchange: Exchange) => Answer | Promise<Answer>
  const maxBodyBytes = maxBodyOf(endpoint, deps)
  const isSigned = endpoint.auth === 'federation'
  const needsUser = !isSigned && endpoint.auth !== 'none'
  const { body: schema } = endpoint

  return async (exchange, segments) => {
    const { contentLength } = exchange.head
    exchange.maxBodyBytes = maxBodyBytes
    exchange.emptyBody = endpoint.emptyBody === true
    if (contentLength !== undefined && contentLength > maxBodyBytes) throw tooLarge(maxBodyBytes)
    if (names.length > 0) exchange.params = paramsOf(names, segments)
    // Before the body: strangers cannot have us gather 12 MiB each.
    if (needsUser) exchange.requester = await authenticate(exchange, endpoint, deps)
    if (isSigned) exchange.origin = await verified(exchange, schema, deps.federation!)
    else if (schema !== undefined) exchange.body = checked(await exchange.value(), schema)
    return await serve(exchange)
  }
}

/** From who need not say who they are. To read 12 MiB of JSON may take seconds, in which nobody else is served. */
const MAX_STRANGERS_BYTES = 256 * 1024

/** Media uploads are as large as the configuration says, which the table cannot know. */
const maxBodyOf = ({ auth, maxBodyBytes, served }: Endpoint, deps: RouteDeps): number => {
  if (maxBodyBytes === undefined)
    return auth === 'none' ? Math.min(deps.maxBodyBytes, MAX_STRANGERS_BYTES) : deps.maxBodyBytes
  return served === 'media' ? deps.maxUploadBytes : maxBodyBytes
}

function paramsOf(names: readonly string[], segments: readonly string[]): Readonly<Record<string, string>> {
  const params: Record<string, string> = {}
  for (let i = 0; i < names.length; i++) {
    const value = percentDecode(segments[i]!)
    if (value === undefined) throw new MatrixError('M_INVALID_PARAM', `${names[i]} is not UTF-8`)
    // No identifier has one, and a statement that is to read of many requests at once would fail for all of them.
    if (value.includes('\0')) throw new MatrixError('M_INVALID_PARAM', `${names[i]} holds a NUL`)
    params[names[i]!] = value
  }
  return params
}

/** The signature covers the body, which is why that comes first here. */
async function verified(
  exchange: Exchange,
  schema: Schema<unknown> | undefined,
  federation: FederationAuthDeps,
): Promise<ServerName> {
  const { method, target } = exchange
  const hasContent = method === 'PUT' || method === 'POST'
  const content = hasContent ? parseObject(await exchange.bytes()) : undefined
  const signed = { method, target, content }
  const origin = await authenticateServer(exchange.authorization, signed, federation)
  exchange.body = content !== undefined && schema !== undefined ? checked(content, schema) : content
  return origin
}
