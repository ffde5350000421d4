import { accepted, type Result, refused } from '../result.ts'
import { JsonFloat, type JsonValue } from './value.ts'

export interface ParseOptions {
  /** How deep arrays and objects may be nested; 0: neither is allowed. At most, and by default, {@link maxParseDepth}. */
  readonly maxDepth?: number
}

/** As many levels as Synapse can read (Python's recursion limit). */
export const maxParseDepth = 995

const MAX_DIGITS = 4300
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y

class NotJson extends Error {}

/**
 * What `parseJson` promises, by a parser of our own: several times slower than JSON.parse, and exact with numbers. It recurses:
 * `maxDepth` is what keeps it from overflowing the stack.
 */
export function parseExact(text: string, maxDepth: number): Result<JsonValue> {
  let at = 0
  try {
    const value = readValue(0)
    skipSpace()
    if (at < text.length) fail()
    return accepted(value)
  } catch (error) {
    if (error instanceof NotJson) return refused(error.message)
    throw error
  }

  function fail(reason = `not JSON at offset ${at}`): never {
    throw new NotJson(reason)
  }

  function skipSpace(): void {
    for (;;) {
      const code = text.charCodeAt(at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      at++
    }
  }

  function readValue(depth: number): JsonValue {
    skipSpace()
    switch (text[at]) {
      case '{':
        return readObject(depth + 1)
      case '[':
        return readArray(depth + 1)
      case '"':
        return readString()
      case 't':
        return readWord('true', true)
      case 'f':
        return readWord('false', false)
      case 'n':
        return readWord('null', null)
      default:
        return readNumber()
    }
  }

  function readWord<T>(word: string, value: T): T {
    if (!text.startsWith(word, at)) fail()
    at += word.length
    return value
  }

  /** After the opening bracket or a value: whether a comma follows, else the bracket that closes. */
  function isAnotherAfterComma(close: string): boolean {
    skipSpace()
    const char = text[at++]
    if (char === ',') return true
    if (char !== close) {
      at--
      fail()
    }
    return false
  }

  function isEmpty(depth: number, close: string): boolean {
    if (depth > maxDepth) fail('JSON is nested too deep')
    at++
    skipSpace()
    if (text[at] !== close) return false
    at++
    return true
  }

  function readArray(depth: number): JsonValue {
    const items: JsonValue[] = []
    if (isEmpty(depth, ']')) return items
    do items.push(readValue(depth))
    while (isAnotherAfterComma(']'))
    return items
  }

  function readObject(depth: number): JsonValue {
    const object: Record<string, JsonValue> = {}
    if (isEmpty(depth, '}')) return object
    do {
      skipSpace()
      if (text[at] !== '"') fail()
      const key = readString()
      skipSpace()
      if (text[at] !== ':') fail()
      at++
      const value = readValue(depth)
      // Assignment would set the prototype.
      if (key === '__proto__')
        Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
      else object[key] = value
    } while (isAnotherAfterComma('}'))
    return object
  }

  function readString(): string {
    const start = at
    let isPlain = true
    for (at++; ; at++) {
      const code = text.charCodeAt(at)
      if (code === 0x22) break
      if (code === 0x5c) {
        isPlain = false
        at++
      } else if (!(code >= 0x20)) fail() // A control character, or NaN: the end.
    }
    at++
    if (isPlain) return text.slice(start + 1, at - 1)
    try {
      return JSON.parse(text.slice(start, at)) as string
    } catch {
      return fail(`not JSON: bad escape in the string at offset ${start}`)
    }
  }

  function readNumber(): JsonValue {
    NUMBER.lastIndex = at
    const match = NUMBER.exec(text)
    if (match === null) return fail()
    const [written, fraction, exponent] = match
    const value = Number(written)
    if (fraction !== undefined || exponent !== undefined) {
      if (!Number.isFinite(value)) fail(`number at offset ${at} is out of range`)
      at += written.length
      return new JsonFloat(written)
    }
    if (written.length > MAX_DIGITS && written.length - (written[0] === '-' ? 1 : 0) > MAX_DIGITS)
      fail(`integer at offset ${at} has more than ${MAX_DIGITS} digits`)
    at += written.length
    if (!Number.isSafeInteger(value)) return BigInt(written)
    return value === 0 ? 0 : value // -0 is 0.
  }
}
