import { compareCodePoints } from './code-points.ts'
import { pythonFloat } from './python-float.ts'
import { JsonFloat, type JsonObject, type JsonValue } from './value.ts'

/**
 * The canonical text of `value` (appendices, "Canonical JSON"): the shortest JSON, keys sorted by code point.
 *
 * NOTSPEC: a {@link JsonFloat} is printed as Python prints it (`1e10` as `10000000000.0`, where the appendix's example has
 * an integer), and integers of any size in full: events of room versions 1 to 5 hold such numbers, and these are the texts
 * that their hashes and signatures cover. Where they are not allowed `checkStrict` refuses them first.
 * Lone surrogates, for which there is no UTF-8, are printed as escapes; `checkEncodable` refuses them.
 *
 * @throws RangeError for a `number` that is no integer within ±(2^53 − 1): none comes from `parseJson`.
 */
export const canonicalJson = (value: JsonValue): string => print(viewOf(value)) ?? write(value)

/** {@link canonicalJson} of `object` as if it had none of the keys in `omitted`, which hashes and signatures do not cover. */
export function canonicalJsonWithout(object: JsonObject, omitted: readonly string[]): string {
  const keys = Object.keys(object).filter((key) => !omitted.includes(key))
  return print(sortedCopy(object, keys.sort())) ?? writeMembers(object, keys)
}

/*
 * JSON.stringify prints strings and integers as canonical JSON has them, several times faster than a writer in JavaScript.
 * So it is handed a view of the value in which all keys are in order, made of the value's own parts where they already
 * are. What it would print otherwise is `exotic`, and goes to `write`.
 */
const exotic = Symbol()
/** A copy of more keys becomes a hash table, which costs more than it saves: 300 keys take 140 µs, written one by one 110. */
const MANY_KEYS = 20
type View = JsonValue | undefined | typeof exotic

function viewOf(value: JsonValue | undefined): View {
  switch (typeof value) {
    case 'object':
      if (value === null) return value
      if (Array.isArray(value)) return viewOfArray(value)
      return value instanceof JsonFloat ? exotic : viewOfObject(value as JsonObject)
    case 'number':
      return Number.isSafeInteger(value) ? value : exotic
    case 'bigint':
      return exotic
    default:
      return value
  }
}

function viewOfArray(array: readonly JsonValue[]): View {
  let copy: JsonValue[] | undefined
  for (let i = 0; i < array.length; i++) {
    const item = array[i]!
    if (typeof item === 'string') continue
    const view = viewOf(item)
    if (view === exotic) return exotic
    if (view === item) continue
    copy ??= array.slice()
    copy[i] = view!
  }
  return copy ?? array
}

function viewOfObject(object: JsonObject): View {
  const keys = Object.keys(object)
  if (!areInOrder(keys)) return keys.length > MANY_KEYS ? exotic : sortedCopy(object, keys.sort())
  let copy: Record<string, JsonValue | undefined> | undefined
  for (const key of keys) {
    const value = object[key]
    if (typeof value === 'string') continue
    const view = viewOf(value)
    if (view === exotic) return exotic
    if (view === value) continue
    copy ??= { ...object }
    copy[key] = view
  }
  return copy ?? object
}

function areInOrder(keys: readonly string[]): boolean {
  for (let i = 1; i < keys.length; i++) if (keys[i]! < keys[i - 1]!) return false
  return true
}

function sortedCopy(object: JsonObject, keys: readonly string[]): View {
  const copy: Record<string, JsonValue | undefined> = {}
  for (const key of keys) {
    // Keys of digits come first in any object, and assignment to `__proto__` makes no key.
    const first = key.charCodeAt(0)
    if ((first >= 0x30 && first <= 0x39) || key === '__proto__') return exotic
    const value = object[key]
    const view = typeof value === 'string' ? value : viewOf(value)
    if (view === exotic) return exotic
    copy[key] = view
  }
  return copy
}

const SURROGATE = /[\ud800-\udfff]/
const ABOVE_SURROGATES = /[\ue000-\uffff]/

/** The text of `view`, if the order of keys by UTF-16 units, which it has, is certain to be their order by code point. */
function print(view: View): string | undefined {
  if (view === exotic) return undefined
  const text = JSON.stringify(view)
  if (SURROGATE.test(text) && ABOVE_SURROGATES.test(text) && hasSurrogateKey(view)) return undefined
  return text
}

function hasSurrogateKey(value: JsonValue | undefined): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.some(hasSurrogateKey)
  return Object.entries(value).some(([key, member]) => SURROGATE.test(key) || hasSurrogateKey(member))
}

/** Any value, key by key. */
function write(value: JsonValue): string {
  switch (typeof value) {
    case 'string':
      return quote(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'number':
      if (!Number.isSafeInteger(value)) throw new RangeError('a number is no integer that canonical JSON can hold')
      return String(value)
    case 'bigint':
      return value.toString()
  }
  if (value === null) return 'null'
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`
  if (value instanceof JsonFloat) return pythonFloat(Number(value.text))
  return writeMembers(value as JsonObject, Object.keys(value))
}

function writeMembers(object: JsonObject, keys: string[]): string {
  // `sort` without a function is twice as fast, and right unless there are surrogates.
  const arePlain = !ESCAPED.test(keys.join(''))
  keys.sort(arePlain ? undefined : compareCodePoints)
  let text = ''
  for (const key of keys) {
    const value = object[key]
    if (value === undefined) continue
    if (text !== '') text += ','
    text += `${arePlain ? `"${key}"` : JSON.stringify(key)}:${write(value)}`
  }
  return `{${text}}`
}

const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/

const quote = (text: string): string => (ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`)
