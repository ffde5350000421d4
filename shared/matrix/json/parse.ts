import { accepted, type Result, refused } from '../result.ts'
import { maxParseDepth, type ParseOptions, parseExact } from './parse-exact.ts'
import type { JsonObject, JsonValue } from './value.ts'

/**
 * What may be a number with fraction or exponent, whatever its value. Inside of strings it finds some too, which costs those texts
 * time and changes nothing.
 */
const FLOAT = /[.eE][-+]?\d+[\s,}\]]/

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * JSON text (RFC 8259) to a value, without loss: integers outside ±(2^53 − 1) become `bigint`, numbers written with fraction
 * or exponent {@link JsonFloat}, `-0` is 0. Never throws. Refused besides what is not JSON: nesting beyond `maxDepth`, integers
 * of more than 4,300 digits (as Python's reader, and for their time), floats no double can hold.
 *
 * Of a key that occurs twice the last value counts, and there is no option to refuse it: the specification does not forbid
 * it, and servers that hash what Synapse reads must read the same. Lone surrogates (`"\ud800"`) are JSON, so a response
 * that holds one bad event is read; `checkEncodable` refuses that event.
 */
export function parseJson(text: string, options: ParseOptions = {}): Result<JsonValue> {
  const maxDepth = Math.min(options.maxDepth ?? maxParseDepth, maxParseDepth)
  // JSON.parse changes floats that are integers (`1.0`) and -0, which its result does not show.
  const isArrayOrObject = text[0] === '{' || text[0] === '['
  if (!isArrayOrObject || text.includes('-0') || FLOAT.test(text)) return parseExact(text, maxDepth)
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch {
    // For the reason: V8's message quotes the text.
    return parseExact(text, maxDepth)
  }
  return isExact(value, maxDepth) ? accepted(value) : parseExact(text, maxDepth)
}

/** {@link parseJson} of UTF-8. Refuses what is not UTF-8, surrogates and a byte order mark included (RFC 8259, 8.1). */
export function parseJsonBytes(bytes: Uint8Array, options?: ParseOptions): Result<JsonValue> {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    return refused('not UTF-8')
  }
  return parseJson(text, options)
}

/** Whether all numbers are integers that were not rounded, and arrays and objects nested at most `levels` deep. */
function isExact(value: JsonValue | undefined, levels: number): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value)
  if (typeof value !== 'object' || value === null) return true
  if (levels === 0) return false
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item !== 'string' && !isExact(item, levels - 1)) return false
    return true
  }
  for (const key of Object.keys(value)) {
    const member = (value as JsonObject)[key]
    if (typeof member !== 'string' && !isExact(member, levels - 1)) return false
  }
  return true
}
