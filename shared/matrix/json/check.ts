import { type Refused, refused } from '../result.ts'
import { JsonFloat, type JsonObject, type JsonValue } from './value.ts'

/**
 * NOTSPEC: how deep an event may be nested, itself included: the specification has no limit, but events deeper than this are
 * not read by Synapse (since its events are held in Rust), nor by servers built on ruma.
 */
export const maxEventDepth = 127

/**
 * Why `value` has no canonical JSON that other servers read alike, in any room version, if so: a lone surrogate in a string
 * or key, which UTF-8 cannot hold, or nesting beyond {@link maxEventDepth}.
 */
export const checkEncodable = (value: JsonValue): Refused | undefined => describe(faultOf(value, false, maxEventDepth))

/**
 * Why `value` is not canonical JSON by the letter, if so (appendices, "Canonical JSON"), which room versions enforce where
 * `strictJson` (rooms/v6, "Canonical JSON"): {@link checkEncodable}, and numbers are integers within ±(2^53 − 1), written
 * as such. The reason says where: `content.size: not an integer`.
 */
export const checkStrict = (value: JsonValue): Refused | undefined => describe(faultOf(value, true, maxEventDepth))

/** What is wrong, and where: keys and indexes, innermost first. */
interface Fault {
  readonly reason: string
  readonly path: (string | number)[]
}

const fault = (reason: string): Fault => ({ reason, path: [] })

function faultOf(value: JsonValue | undefined, strict: boolean, levels: number): Fault | undefined {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed() ? undefined : fault('lone surrogate')
    case 'number':
      return strict && !Number.isSafeInteger(value) ? fault('not an integer within ±(2^53 − 1)') : undefined
    case 'bigint':
      return strict ? fault('not an integer within ±(2^53 − 1)') : undefined
    case 'object':
      break
    default:
      return undefined
  }
  if (value === null) return undefined
  if (value instanceof JsonFloat) return strict ? fault('not an integer') : undefined
  if (levels === 0) return fault('nested too deep')
  return Array.isArray(value)
    ? faultInArray(value, strict, levels - 1)
    : faultInObject(value as JsonObject, strict, levels - 1)
}

function faultInArray(array: readonly JsonValue[], strict: boolean, levels: number): Fault | undefined {
  for (let i = 0; i < array.length; i++) {
    const found = faultOf(array[i], strict, levels)
    if (found !== undefined) return at(found, i)
  }
  return undefined
}

function faultInObject(object: JsonObject, strict: boolean, levels: number): Fault | undefined {
  for (const key of Object.keys(object)) {
    if (!key.isWellFormed()) return at(fault('lone surrogate in a key'), key)
    const found = faultOf(object[key], strict, levels)
    if (found !== undefined) return at(found, key)
  }
  return undefined
}

function at(found: Fault, step: string | number): Fault {
  found.path.push(step)
  return found
}

const MAX_PATH_LENGTH = 100

function describe(found: Fault | undefined): Refused | undefined {
  if (found === undefined) return undefined
  const path = found.path
    .reverse()
    .map((step, i) => {
      if (typeof step === 'string' && /^\w+$/.test(step)) return i === 0 ? step : `.${step}`
      return `[${JSON.stringify(step)}]`
    })
    .join('')
  const where = path.length > MAX_PATH_LENGTH ? `${path.slice(0, MAX_PATH_LENGTH)}…` : path
  return refused(where === '' ? found.reason : `${where}: ${found.reason}`)
}
