/**
 * How the tables of `schema/` are written: keys that give a value, under a name of ours, and keys that give none and say so.
 */

import { isMap, isScalar, isSeq, type Node } from 'yaml'
import { type Key, type Keys, type ObjectType, object, type Type, type ValueOf } from '../../shared/config/decode.ts'

/** What becomes of a key of Synapse's that gives no value. */
export type Standing = 'not yet' | 'no effect' | 'refused'

/** A key that is known and gives no value. */
export interface PassedKey extends Key<undefined> {
  readonly standing: Standing
}

/** A key whose value is a number in that unit, and has it in its name. */
export type Measured<K, U extends 'Ms' | 'Bytes'> = K & { readonly unit: U }

export const ms = <T>(key: Key<T>): Measured<Key<T>, 'Ms'> => ({ ...key, unit: 'Ms' })
export const bytes = <T>(key: Key<T>): Measured<Key<T>, 'Bytes'> => ({ ...key, unit: 'Bytes' })

type Camel<S extends string> = S extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : S
type NameOf<Name extends string, K> = K extends { readonly unit: infer U extends string }
  ? `${Camel<Name>}${U}`
  : Camel<Name>
/** The values of a table of keys: names in camelCase with their unit; keys that give no value are left out. */
export type ValuesOf<K extends Keys> = {
  readonly [Name in keyof K as K[Name] extends PassedKey ? never : NameOf<Name & string, K[Name]>]: ValueOf<K[Name]>
}

/** `enable_3pid_lookup` → `enable3pidLookup`. */
export const camel = (name: string): string => name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase())

/** The name of a key's value. */
export const valueName = (name: string, key: Key<unknown>): string =>
  camel(name) + ('unit' in key ? (key.unit as string) : '')

/** The values that were read for `keys`, by names of ours. */
export const valuesOf = <K extends Keys>(keys: K, read: Readonly<Record<string, unknown>>): ValuesOf<K> =>
  Object.fromEntries(
    Object.entries(keys).flatMap(([name, key]) =>
      'standing' in key ? [] : [[valueName(name, key), read[name]] as const],
    ),
  ) as ValuesOf<K>

export interface SectionType<K extends Keys> extends Type<ValuesOf<K>> {
  readonly keys: K
}

/** A map inside the file. */
export const section = <K extends Keys>(keys: K, expected: string): SectionType<K> => {
  const type: ObjectType<K> = object(keys, expected)
  return {
    keys,
    expected,
    read: (...args) => {
      const value = type.read(...args)
      return value === undefined ? undefined : valuesOf(keys, value as Record<string, unknown>)
    },
  }
}

const isEmpty = (node: Node | undefined): boolean => (isMap(node) || isSeq(node)) && node.items.length === 0
const isOff = (node: Node | undefined): boolean =>
  isEmpty(node) ||
  (isScalar(node) && (node.value === false || node.value === '' || node.value === 0)) ||
  (isMap(node) && isScalar(node.get('enabled', true)) && (node.get('enabled') as unknown) === false)
const isOn = (node: Node | undefined): boolean => isScalar(node) && node.value === true

interface Passed {
  /** An example of its value, in which nothing is wrong but that it is there. */
  readonly example?: string
  /** With which values it changes nothing, besides none at all. `off`: false, empty, `enabled: false`. */
  readonly harmless?: 'off' | 'on' | 'never'
  /** A warning where else a note would do: someone may count on it. */
  readonly loud?: true
}

const passed = (
  standing: Standing,
  severity: 'problem' | 'warn' | 'note',
  doc: string,
  message: string,
  { example = 'true', harmless = 'off' }: Passed,
): PassedKey => ({
  standing,
  doc,
  example,
  absent: '',
  type: {
    expected: '',
    read: (node, path, reading) => {
      const same = harmless === 'off' ? isOff(node) : harmless === 'on' ? isOn(node) : false
      if (!same) reading[severity](path, message, node && { node })
      return undefined
    },
  },
})

/** What Synapse does and Plexus does not yet. `doc` says what is missing, and completes "not supported yet: …". */
export const notYet = (doc: string, options: Passed = {}): PassedKey =>
  passed('not yet', 'warn', doc, `not supported yet: ${doc}`, options)

/** What has no meaning here and changes nothing for anyone. `doc` completes "has no effect: …". */
export const noEffect = (doc: string, options: Passed = {}): PassedKey =>
  passed('no effect', options.loud ? 'warn' : 'note', doc, `has no effect: ${doc}`, { harmless: 'never', ...options })

/** What must not be passed over: with it left out, the server would do what its admin does not want. */
export const refused = (doc: string, options: Passed = {}): PassedKey => passed('refused', 'problem', doc, doc, options)
