import { accepted, type Result } from '../result.ts'
import { canonicalJson } from './canonical.ts'
import { checkStrict } from './check.ts'
import { parseJson } from './parse.ts'
import { isObject, JsonFloat, type JsonValue } from './value.ts'

/**
 * JSON text to canonical text by the letter of the appendices ("Canonical JSON"), whose example turns `1e10` into `10000000000`:
 * numbers written with fraction or exponent are accepted where they are integers within ±(2^53 − 1), all others refused.
 * Not for events, where `1e10` is an error (rooms/v6) or hashed as it was written (before): parse, check, `canonicalJson`.
 */
export function canonicaliseText(text: string): Result<string> {
  const parsed = parseJson(text)
  if (!parsed.ok) return parsed
  const value = withIntegers(parsed.value)
  return checkStrict(value) ?? accepted(canonicalJson(value))
}

function withIntegers(value: JsonValue): JsonValue {
  if (value instanceof JsonFloat) {
    const number = Number(value.text)
    return Number.isSafeInteger(number) ? number : value
  }
  if (Array.isArray(value)) return value.map(withIntegers)
  if (!isObject(value)) return value
  // `fromEntries` makes a key of `__proto__` too.
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withIntegers(member!)]))
}
