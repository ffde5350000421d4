/**
 * Query arguments as Synapse reads them: `&` and `;` separate, `+` is a space, an argument without `=` is none, and of a
 * repeated one the first counts. Errors are worded as Synapse's.
 */

import { MatrixError } from '../../shared/matrix/matrix-error.ts'
import { percentDecode } from './percent.ts'

/** By name, decoded; the values in the order they came, at least one. */
export type Query = ReadonlyMap<string, readonly string[]>

/** Of what stands after `?`. Throws M_INVALID_PARAM for bytes that are not UTF-8. */
export function parseQuery(text: string): Query {
  const query = new Map<string, string[]>()
  if (text === '') return query
  for (const argument of text.split(/[&;]/)) {
    const equals = argument.indexOf('=')
    if (equals === -1) continue
    const name = decode(argument.slice(0, equals))
    const value = decode(argument.slice(equals + 1))
    const values = query.get(name)
    if (values === undefined) query.set(name, [value])
    else values.push(value)
  }
  return query
}

function decode(text: string): string {
  const decoded = percentDecode(text.includes('+') ? text.replaceAll('+', ' ') : text)
  if (decoded === undefined) throw invalid('Query parameters must be UTF-8')
  return decoded
}

const invalid = (message: string) => new MatrixError('M_INVALID_PARAM', message)
/** `['true', 'false']`, as Python prints it. */
const list = (words: readonly string[]): string => `[${words.map((word) => `'${word}'`).join(', ')}]`

export const queryString = (query: Query, name: string): string | undefined => query.get(name)?.[0]

/** Throws M_MISSING_PARAM. */
export function requiredString(query: Query, name: string): string {
  const value = queryString(query, name)
  if (value === undefined) throw new MatrixError('M_MISSING_PARAM', `Missing string query parameter '${name}'`)
  return value
}

/** Every value of a repeated argument (`server_name`, `via`), in their order. */
export const queryStrings = (query: Query, name: string): readonly string[] => query.get(name) ?? []

/** Throws M_INVALID_PARAM for what is no integer within ±(2^53 − 1), or negative without `negative`. */
export function queryInteger(query: Query, name: string, { negative = false } = {}): number | undefined {
  const text = queryString(query, name)
  if (text === undefined) return undefined
  const value = /^\s*[+-]?\d+\s*$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value)) throw invalid(`Query parameter ${name} must be an integer`)
  if (value < 0 && !negative) throw invalid(`Query parameter ${name} must be a positive integer.`)
  return value
}

/** Throws M_INVALID_PARAM for anything but `true` and `false`. */
export function queryBoolean(query: Query, name: string): boolean | undefined {
  const text = queryString(query, name)
  if (text === undefined || text === 'true' || text === 'false') return text === undefined ? undefined : text === 'true'
  throw invalid(`Boolean query parameter '${name}' must be one of ${list(['true', 'false'])}`)
}

/** Throws M_INVALID_PARAM for anything but these. */
export function queryOneOf<const T extends string>(query: Query, name: string, allowed: readonly T[]): T | undefined {
  const text = queryString(query, name)
  if (text === undefined || (allowed as readonly string[]).includes(text)) return text as T | undefined
  throw invalid(`Query parameter '${name}' must be one of ${list(allowed)}`)
}
