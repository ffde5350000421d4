/**
 * What a JSON body must look like, as data that checks it and gives it its TypeScript type. A body is never altered: no
 * defaults, no coercion, unknown keys stay. Values are those of `matrix/json/parse.ts`, so an integer that no `number`
 * holds, or that was written `1.0`, is not an {@link integer}.
 *
 * The error codes are Synapse's: a key that is not there is M_MISSING_PARAM, a value of another type M_BAD_JSON, a value
 * of the right type that is not allowed M_INVALID_PARAM.
 */

import { isObject, type JsonObject, type JsonValue, property } from './matrix/json/value.ts'

export interface Fault {
  readonly errcode: 'M_MISSING_PARAM' | 'M_BAD_JSON' | 'M_INVALID_PARAM'
  /** For people, to be read after the path: `must be a string`. */
  readonly reason: string
  /** Keys and indexes from the faulty value up to the root, innermost first. */
  readonly path: (string | number)[]
}

declare const shape: unique symbol

/** A check of a value. `T` is what a value without fault is. */
export interface Schema<T> {
  /** Undefined: the value is a `T`. Linear in the size of the value, for it goes no deeper than the schema does. */
  readonly check: (value: JsonValue | undefined) => Fault | undefined
  /** Of a member: the key may be absent. */
  readonly isOptional: boolean
  readonly [shape]?: T
}

export type TypeOf<S> = S extends Schema<infer T> ? T : never

const schema = <T>(check: Schema<T>['check'], isOptional = false): Schema<T> => ({ check, isOptional })
const fault = (errcode: Fault['errcode'], reason: string): Fault => ({ errcode, reason, path: [] })

const mistyped = (reason: string): Fault => fault('M_BAD_JSON', reason)

export interface StringLimits {
  /** In UTF-16 code units. */
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: RegExp
}

export function string({
  minLength = 0,
  maxLength = Number.POSITIVE_INFINITY,
  pattern,
}: StringLimits = {}): Schema<string> {
  return schema((value) => {
    if (typeof value !== 'string') return mistyped('must be a string')
    if (value.length < minLength)
      return fault('M_INVALID_PARAM', minLength === 1 ? 'must not be empty' : 'is too short')
    if (value.length > maxLength) return fault('M_INVALID_PARAM', `is longer than ${maxLength}`)
    if (pattern !== undefined && !pattern.test(value)) return fault('M_INVALID_PARAM', 'is malformed')
    return undefined
  })
}

export function boolean(): Schema<boolean> {
  return schema((value) => (typeof value === 'boolean' ? undefined : mistyped('must be true or false')))
}

export interface IntegerLimits {
  /** Inclusive, both. */
  readonly minimum?: number
  readonly maximum?: number
}

/** An integer within ±(2^53 − 1). */
export function integer({
  minimum = Number.MIN_SAFE_INTEGER,
  maximum = Number.MAX_SAFE_INTEGER,
}: IntegerLimits = {}): Schema<number> {
  return schema((value) => {
    if (typeof value !== 'number') return mistyped('must be an integer')
    if (value < minimum) return fault('M_INVALID_PARAM', `must be at least ${minimum}`)
    if (value > maximum) return fault('M_INVALID_PARAM', `must be at most ${maximum}`)
    return undefined
  })
}

/** One of these strings. */
export function oneOf<const T extends readonly string[]>(...allowed: T): Schema<T[number]> {
  const reason = `must be one of ${allowed.map((word) => JSON.stringify(word)).join(', ')}`
  return schema((value) => {
    if (typeof value !== 'string') return mistyped('must be a string')
    return allowed.includes(value) ? undefined : fault('M_INVALID_PARAM', reason)
  })
}

/** Anything that is JSON. */
export const anything = (): Schema<JsonValue> =>
  schema((value) => (value === undefined ? fault('M_BAD_JSON', 'must be there') : undefined))

/** An object of whatever kind, as the content of an event is. */
export function jsonObject(): Schema<JsonObject> {
  return schema((value) => (isObject(value) ? undefined : mistyped('must be an object')))
}

export interface ArrayLimits {
  readonly maxItems?: number
}

export function array<T>(
  item: Schema<T>,
  { maxItems = Number.POSITIVE_INFINITY }: ArrayLimits = {},
): Schema<readonly T[]> {
  return schema((value) => {
    if (!Array.isArray(value)) return mistyped('must be an array')
    if (value.length > maxItems) return fault('M_INVALID_PARAM', `has more than ${maxItems} items`)
    for (let i = 0; i < value.length; i++) {
      const found = item.check(value[i])
      if (found !== undefined) return within(found, i)
    }
    return undefined
  })
}

/** An object of any keys, whose values are all alike: user IDs → …, for example. */
export function record<T>(member: Schema<T>): Schema<Readonly<Record<string, T>>> {
  return schema((value) => {
    if (!isObject(value)) return mistyped('must be an object')
    for (const key of Object.keys(value)) {
      const found = member.check(value[key])
      if (found !== undefined) return within(found, key)
    }
    return undefined
  })
}

/** The key may be absent. `null` is not absence: {@link nullable}. */
export const optional = <T>(of: Schema<T>): Schema<T> & { readonly isOptional: true } =>
  schema(of.check, true) as Schema<T> & { readonly isOptional: true }

/** `null` is allowed besides. */
export const nullable = <T>(of: Schema<T>): Schema<T | null> =>
  schema((value) => (value === null ? undefined : of.check(value)))

/** Any of them; told as of the last where none fits. */
export function anyOf<S extends readonly Schema<unknown>[]>(...schemas: S): Schema<TypeOf<S[number]>> {
  return schema((value) => {
    let found: Fault | undefined
    for (const { check } of schemas) {
      found = check(value)
      if (found === undefined) return undefined
    }
    return found
  })
}

export type Members = Readonly<Record<string, Schema<unknown>>>
type OptionalKeys<M extends Members> = {
  [K in keyof M]: M[K] extends { readonly isOptional: true } ? K : never
}[keyof M]
type Flat<T> = { readonly [K in keyof T]: T[K] }
export type ObjectOf<M extends Members> = Flat<
  { [K in Exclude<keyof M, OptionalKeys<M>>]: TypeOf<M[K]> } & { [K in OptionalKeys<M>]?: TypeOf<M[K]> }
>

/** An object with these members, and any others. The first fault is told, in the order of `members`. */
export function object<const M extends Members>(members: M): Schema<ObjectOf<M>> {
  const entries = Object.entries<Schema<unknown>>(members).map(([key, { check, isOptional }]) => ({
    key,
    check,
    isOptional,
  }))
  return schema((value) => {
    if (!isObject(value)) return mistyped('must be an object')
    for (const { key, check, isOptional } of entries) {
      const member = property(value, key)
      if (member === undefined) {
        if (isOptional) continue
        return within(fault('M_MISSING_PARAM', 'is missing'), key)
      }
      const found = check(member)
      if (found !== undefined) return within(found, key)
    }
    return undefined
  })
}

function within(found: Fault, step: string | number): Fault {
  found.path.push(step)
  return found
}

const MAX_PATH_LENGTH = 100

/** `identifier.user: must be a string`, as clients are told it. Keys are what a stranger chose: cut, and quoted where odd. */
export function describeFault({ path, reason }: Fault): string {
  const where = path
    .toReversed()
    .map((step, i) => {
      if (typeof step === 'number') return `[${step}]`
      if (/^[\w.-]+$/.test(step)) return i === 0 ? step : `.${step}`
      return `[${JSON.stringify(step)}]`
    })
    .join('')
  if (where === '') return `The body ${reason}`
  return `${where.length > MAX_PATH_LENGTH ? `${where.slice(0, MAX_PATH_LENGTH)}…` : where}: ${reason}`
}
