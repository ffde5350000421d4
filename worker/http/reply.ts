/** What handlers answer, where it is more than an object to be printed as JSON with status 200. */

import type { Readable } from 'node:stream'
import { type JsonText, jsonTextOf } from '../json-text.ts'

const kind = Symbol('reply')

export interface Reply {
  readonly [kind]: true
  readonly status: number
  /** Names and values in turn. */
  readonly headers: readonly string[]
  /** Undefined: no body and no Content-Type. A stream is destroyed if the client leaves. */
  readonly body: string | Uint8Array | Readable | undefined
  /** Of a stream, in bytes, if it is known: else the answer is chunked. */
  readonly length?: number | undefined
}

export interface ReplyOptions {
  readonly status?: number
  /** By name. `Cache-Control` takes the place of the usual one, which forbids storing. */
  readonly headers?: Readonly<Record<string, string>>
}

export const isReply = (answer: object): answer is Reply => kind in answer

const make = (
  body: Reply['body'],
  type: string | undefined,
  { status = 200, headers }: ReplyOptions = {},
  length?: number,
): Reply => {
  const all = type === undefined ? [] : ['Content-Type', type]
  if (headers !== undefined) for (const name in headers) all.push(name, headers[name]!)
  return { [kind]: true, status, headers: all, body, length }
}

const JSON_TYPE = 'application/json'

/** `value` printed as JSON. */
export const json = (value: unknown, options?: ReplyOptions): Reply => make(jsonTextOf(value), JSON_TYPE, options)

/** JSON that is text already. */
export const jsonText = (text: JsonText, options?: ReplyOptions): Reply => make(text, JSON_TYPE, options)

/** A page. It may not be shown inside of another one. */
export const html = (text: string, { status, headers }: ReplyOptions = {}): Reply =>
  make(text, 'text/html; charset=utf-8', {
    ...(status === undefined ? {} : { status }),
    headers: { 'X-Frame-Options': 'DENY', 'Content-Security-Policy': "frame-ancestors 'none';", ...headers },
  })

export const plainText = (text: string, options?: ReplyOptions): Reply =>
  make(text, 'text/plain; charset=utf-8', options)

/** `location`: an absolute URL or path, in ASCII. */
export const redirect = (location: string, status: 301 | 302 | 303 | 307 | 308 = 302): Reply =>
  make('', undefined, { status, headers: { Location: location } })

/** Nothing: status 204. */
export const noContent = (headers?: Readonly<Record<string, string>>): Reply =>
  make(undefined, undefined, { status: 204, ...(headers && { headers }) })

export const bytes = (body: Uint8Array, contentType: string, options?: ReplyOptions): Reply =>
  make(body, contentType, options)

/** `length`: in bytes, if it is known. */
export const stream = (body: Readable, contentType: string, length?: number, options?: ReplyOptions): Reply =>
  make(body, contentType, options, length)
