import { accepted, type Result, refused } from '../result.ts'
import { maxParseDepth, type ParseOptions, parseExact } from './parse-exact.ts'
import { isObject, type JsonValue } from './value.ts'

/**
 * What may be a number that JSON.parse would change: a fraction or exponent, 16 digits, -0. Inside of strings it finds some
 * too, which costs those texts time and changes nothing. A number at the very start is looked for apart.
 */
const INEXACT = /[\s:,[]-?\d(?:\d{15}|\d*[.eE])|-0/

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
  const first = text.charCodeAt(0)
  if (first === MINUS || (first >= ZERO && first <= NINE) || INEXACT.test(text)) return parseExact(text, maxDepth)
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch {
    // For the reason: V8's message quotes the text.
    return parseExact(text, maxDepth)
  }
  if (hasMoreBrackets(text, maxDepth) && isDeeper(value, maxDepth)) return refused('JSON is nested too deep')
  return accepted(value)
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

const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39

/** Searching for brackets is far cheaper than walking the value, and few texts have so many. */
function hasMoreBrackets(text: string, limit: number): boolean {
  if (text.length <= 2 * limit) return false
  let count = 0
  for (const bracket of ['[', '{'])
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) if (++count > limit) return true
  return false
}

/** Whether arrays and objects are nested more than `levels` deep. Goes no deeper than that itself. */
function isDeeper(value: JsonValue | undefined, levels: number): boolean {
  if (Array.isArray(value)) return levels === 0 || value.some((item) => isDeeper(item, levels - 1))
  if (isObject(value)) return levels === 0 || Object.values(value).some((item) => isDeeper(item, levels - 1))
  return false
}
