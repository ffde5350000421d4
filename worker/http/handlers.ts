/**
 * Handlers of the endpoint table. `Handlers<typeof typingEndpoints>` has a function for each operation, and what it is given
 * follows from the entry: the path's parameters by name, the checked body, a requester where there must be one. A missing or
 * misspelt operation or parameter does not compile.
 */

import type { IncomingMessage } from 'node:http'
import type { Logger } from 'pino'
import { nameOf, type TableEntry } from '../../shared/endpoints/table.ts'
import type { Endpoint, Endpoints } from '../../shared/endpoints/types.ts'
import type { ServerName } from '../../shared/matrix/ids.ts'
import type { JsonObject } from '../../shared/matrix/json/value.ts'
import type { Schema } from '../../shared/schema.ts'
import type { Query } from './query.ts'
import type { Reply } from './reply.ts'
import type { Requester } from './requester.ts'

/** The names in braces of a path. */
type ParameterOf<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParameterOf<Rest>
  : never

type RequesterOf<E extends Endpoint> = E['auth'] extends 'user' | 'admin' | 'appservice'
  ? Requester
  : E['auth'] extends 'user?'
    ? Requester | undefined
    : undefined

type BodyOf<E extends Endpoint> = E extends { readonly body: Schema<infer T> }
  ? T
  : E extends { readonly auth: 'federation'; readonly method: 'PUT' | 'POST' }
    ? JsonObject
    : undefined

/** A request as handlers see it. What has to be computed is computed when it is asked for. */
export interface RequestOf<E extends Endpoint> {
  /** Percent-decoded. */
  readonly params: { readonly [K in ParameterOf<E['path']>]: string }
  readonly requester: RequesterOf<E>
  /** The server that signed the request. */
  readonly origin: E['auth'] extends 'federation' ? ServerName : undefined
  /** Checked by the entry's schema; of a federation request an object. Else undefined: {@link json} and its like read it. */
  readonly body: BodyOf<E>

  readonly method: string
  /** As it was sent: path and query. */
  readonly target: string
  /** Not decoded; the query is not in it. */
  readonly path: string
  /** Throws M_INVALID_PARAM where it is not UTF-8. */
  readonly query: Query
  /** By name in lower case, as Node joins them. */
  readonly headers: IncomingMessage['headers']
  /** Of the client, behind proxies that are believed; the socket's path for a unix socket without such. */
  readonly clientIp: string
  /** `https` where the client's connection is known to be encrypted. */
  readonly scheme: 'http' | 'https'
  /** `''`: none was sent. */
  readonly userAgent: string
  readonly requestId: string

  /** The body as an object. Throws M_NOT_JSON, M_BAD_JSON, M_TOO_LARGE. With `emptyBody` in the entry, nothing is `{}`. */
  json(): Promise<JsonObject>
  /** All of the body. Throws M_TOO_LARGE. */
  bytes(): Promise<Buffer>
  /** The body as it comes, up to the limit: beyond it the stream fails with M_TOO_LARGE. */
  stream(): AsyncIterable<Buffer>

  /** Aborts when the client has left before it was answered: nobody waits for the result any more. */
  readonly signal: AbortSignal
  /** Aborts with {@link signal}, and when the process is to stop: whoever waits for something to happen answers now. */
  readonly waitSignal: AbortSignal
  readonly log: Logger
}

/** An object is printed as JSON, with status 200. */
export type Answer = Reply | object

export type Handlers<T extends Endpoints> = {
  readonly [K in keyof T]: (request: RequestOf<T[K]>) => Answer | Promise<Answer>
}

/** A handler with its endpoint, when what it takes no longer matters. */
export interface Operation extends TableEntry {
  readonly handle: (request: never) => Answer | Promise<Answer>
}

/**
 * The operations of one file of the table, to be served.
 *
 * @param file the key in `shared/endpoints/table.ts`: `client/typing`
 */
export const operations = <T extends Endpoints>(file: string, endpoints: T, handlers: Handlers<T>): Operation[] =>
  Object.entries(endpoints).map(([name, endpoint]) => ({
    name: nameOf(file, name),
    file,
    endpoint,
    handle: handlers[name]!,
  }))

/** Some entries of a file, for a handler object that has not all of them. */
export const only = <T extends Endpoints, const K extends keyof T>(endpoints: T, ...names: readonly K[]): Pick<T, K> =>
  Object.fromEntries(names.map((name) => [name, endpoints[name]])) as Pick<T, K>
