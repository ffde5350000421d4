import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { ServerName } from '../../shared/matrix/ids.ts'
import { isObject, type JsonObject, type JsonValue } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { parseBody, readBytes, tooLarge } from './body.ts'
import { parseQuery, type Query } from './query.ts'
import type { RequestHead } from './request-head.ts'
import type { Requester } from './requester.ts'

export interface ExchangeOptions {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly head: RequestHead
  readonly requestId: string
  readonly clientIp: string
  readonly scheme: 'http' | 'https'
  readonly log: Logger
  readonly stopping: AbortSignal
  readonly maxBodyBytes: number
}

const CLIENT_LEFT = 'the client has left'

/**
 * One request and its answer: `RequestOf` of any endpoint. A class, as its accessors then lie on the prototype: a request
 * pays for what is asked of it, and a look at `/versions` asks for nothing.
 */
export class Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly head: RequestHead
  readonly requestId: string
  readonly clientIp: string
  readonly scheme: 'http' | 'https'
  readonly target: string
  readonly path: string
  /** What follows `?`. */
  readonly queryText: string
  params: Readonly<Record<string, string>> = {}
  requester: Requester | undefined
  origin: ServerName | undefined
  body: unknown
  maxBodyBytes: number
  /** An empty body is `{}`. */
  emptyBody = false
  /** Its client left before it was answered. */
  hasLeft = false
  /** Of the answer. 499, as nginx has it: there was none yet. */
  status = 499
  bytesSent = 0

  readonly #log: Logger
  readonly #stopping: AbortSignal
  #query: Query | undefined
  #isAccepted = false
  #left: AbortController | undefined
  #wait: AbortSignal | undefined

  constructor(options: ExchangeOptions) {
    const { request, response, head, requestId, clientIp, scheme, log, stopping, maxBodyBytes } = options
    this.request = request
    this.response = response
    this.head = head
    this.requestId = requestId
    this.clientIp = clientIp
    this.scheme = scheme
    this.maxBodyBytes = maxBodyBytes
    this.target = request.url!
    const question = this.target.indexOf('?')
    this.path = question === -1 ? this.target : this.target.slice(0, question)
    this.queryText = question === -1 ? '' : this.target.slice(question + 1)
    this.#log = log
    this.#stopping = stopping
  }

  get method(): string {
    return this.request.method!
  }

  get headers(): IncomingMessage['headers'] {
    return this.request.headers
  }

  get authorization(): readonly string[] {
    return this.head.authorization
  }

  get userAgent(): string {
    return this.head.userAgent
  }

  get query(): Query {
    this.#query ??= parseQuery(this.queryText)
    return this.#query
  }

  get log(): Logger {
    return this.#log
  }

  get signal(): AbortSignal {
    if (this.#left === undefined) {
      this.#left = new AbortController()
      if (this.hasLeft) this.#left.abort(new Error(CLIENT_LEFT))
    }
    return this.#left.signal
  }

  get waitSignal(): AbortSignal {
    this.#wait ??= AbortSignal.any([this.signal, this.#stopping])
    return this.#wait
  }

  /** Whether bytes of the body are yet to come, so that the connection cannot go on before they did. */
  get isBodyUnread(): boolean {
    return this.head.hasBody && !this.request.complete
  }

  /** The client waits for a `100 Continue` before it sends its body, and got none. */
  get isHeldBack(): boolean {
    return this.head.hasBody && this.head.expectsContinue && !this.#isAccepted
  }

  async bytes(): Promise<Buffer> {
    this.#accept()
    return await readBytes(this.request, this.maxBodyBytes)
  }

  async json(): Promise<JsonObject> {
    const value = await this.value()
    if (!isObject(value)) throw new MatrixError('M_BAD_JSON', 'Content must be a JSON object.')
    return value
  }

  /** The body's JSON, whatever it is. */
  async value(): Promise<JsonValue> {
    const bytes = await this.bytes()
    return bytes.length === 0 && this.emptyBody ? {} : parseBody(bytes)
  }

  async *stream(): AsyncGenerator<Buffer, void, undefined> {
    this.#accept()
    let length = 0
    for await (const chunk of this.request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += chunk.length
      if (length > this.maxBodyBytes) throw tooLarge(this.maxBodyBytes)
      yield chunk
    }
  }

  /** The client, which may have waited to be told, is told to send its body. */
  #accept(): void {
    if (this.head.contentLength !== undefined && this.head.contentLength > this.maxBodyBytes)
      throw tooLarge(this.maxBodyBytes)
    if (this.isHeldBack) this.response.writeContinue()
    this.#isAccepted = true
  }

  /** The connection closed before the answer was written. */
  leave(): void {
    this.hasLeft = true
    this.#left?.abort(new Error(CLIENT_LEFT))
  }
}
