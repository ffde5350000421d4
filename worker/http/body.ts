/** Request bodies: gathered up to a limit, parsed without loss, checked. */

import type { IncomingMessage } from 'node:http'
import { parseJsonBytes } from '../../shared/matrix/json/parse.ts'
import { isObject, type JsonObject, type JsonValue } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { describeFault, type Schema } from '../../shared/schema.ts'

/** Twisted's: a sender who is silent for so long in the middle of a body has gone. */
const SILENCE_MS = 60_000

export const tooLarge = (maxBytes: number): MatrixError =>
  new MatrixError('M_TOO_LARGE', `Request content is too large (>${maxBytes})`)

/** The client left, or fell silent, before its body was complete: there is nobody to answer. */
export class BodyBrokenOff extends Error {}

/**
 * All of the body. Rejects with M_TOO_LARGE as soon as it is known to be larger than `maxBytes`, without reading on, and with
 * {@link BodyBrokenOff}.
 */
export function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const { socket } = request
    socket.setTimeout(SILENCE_MS)
    const onData = (chunk: Buffer): void => {
      length += chunk.length
      if (length > maxBytes) fail(tooLarge(maxBytes))
      else chunks.push(chunk)
    }
    const onEnd = (): void => {
      release()
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length))
    }
    const onGone = (): void => fail(new BodyBrokenOff('the body was broken off'))
    const onSilence = (): void => {
      onGone()
      socket.destroy()
    }
    const fail = (error: Error): void => {
      release()
      request.pause()
      reject(error)
    }
    const release = (): void => {
      socket.setTimeout(0)
      socket.off('timeout', onSilence)
      request.off('data', onData).off('end', onEnd).off('close', onGone)
    }
    socket.on('timeout', onSilence)
    // An aborted request closes without `end`; its error is only emitted where somebody listens.
    request.on('data', onData).on('end', onEnd).on('close', onGone)
  })
}

/**
 * JSON as Synapse takes it, whatever Content-Type says: UTF-8, without a byte order mark, without NaN. Numbers are exact.
 * Throws M_NOT_JSON.
 */
export function parseBody(bytes: Uint8Array): JsonValue {
  const parsed = parseJsonBytes(bytes)
  if (!parsed.ok) throw new MatrixError('M_NOT_JSON', 'Content not JSON.')
  return parsed.value
}

const notAnObject = () => new MatrixError('M_BAD_JSON', 'Content must be a JSON object.')

/** Throws M_NOT_JSON, and M_BAD_JSON for another value than an object. */
export function parseObject(bytes: Uint8Array): JsonObject {
  const value = parseBody(bytes)
  if (!isObject(value)) throw notAnObject()
  return value
}

/** The value itself, checked. Throws M_BAD_JSON, M_MISSING_PARAM or M_INVALID_PARAM with the place in the message. */
export function checked<T>(value: JsonValue, schema: Schema<T>): T {
  const fault = schema.check(value)
  // In the words of Synapse, which takes objects only.
  if (fault !== undefined && !isObject(value)) throw notAnObject()
  if (fault !== undefined) throw new MatrixError(fault.errcode, describeFault(fault))
  return value as T
}
