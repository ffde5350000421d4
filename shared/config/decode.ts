/**
 * From YAML nodes to typed values, with a place for every mistake. A `Type` reads one node; `object` builds a type from
 * keys that carry their own documentation, default and example: the schema (schema.ts) is written once with these and
 * serves the loader, the messages and the printed reference alike.
 *
 * A type that cannot read a node reports why and returns undefined; reading goes on, so that all mistakes are told at once.
 */

import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, parseDocument, type Scalar, type YAMLMap } from 'yaml'
import { didYouMean } from './did-you-mean.ts'

/** A value, or why there is none: `expected` completes "expected …, got …"; `mistake` is a sentence of its own. */
export type Parsed<T> = { readonly value: T } | { readonly expected: string } | { readonly mistake: string }

export interface Type<T> {
  /** Completes "expected …" in messages and names the type in the reference. */
  readonly expected: string
  readonly read: (node: Node | undefined, path: string, reading: Reading) => T | undefined
}

export interface Key<T> {
  readonly type: Type<NonNullable<T>>
  /** One or two sentences for the reference. */
  readonly doc: string
  /** The value, as YAML text, that the reference shows and a test reads. */
  readonly example: string
  readonly required?: true
  /** The value of an absent key as YAML text: what the reference prints is what is used. */
  readonly default?: string
  /** What the absence of an optional key means. */
  readonly absent?: string
  /** The type reads a key without a value too; where not, it is a mistake, or in a lenient reading absent. */
  readonly takesNull?: true
}

export type Keys = Readonly<Record<string, Key<unknown>>>
export type ValueOf<K> = K extends Key<infer T> ? T : never
export type ObjectOf<K extends Keys> = { readonly [Name in keyof K]: ValueOf<K[Name]> }

type Tell = (path: string, message: string, at?: { readonly node?: Node; readonly offset?: number }) => void

/** The reading of one file: where its nodes are, and what is wrong with them. */
export interface Reading {
  /** Follows an alias to what it stands for. */
  readonly resolve: (node: unknown) => Node | undefined
  /** Remembers that `path` is written at `node`, for problems found later. */
  readonly visit: (path: string, node: Node) => void
  /** Is something written at exactly `path`? */
  readonly has: (path: string) => boolean
  /** Reports at `node`, or at the node remembered for `path`; `offset` counts characters into a scalar's value. */
  readonly problem: Tell
  readonly warn: Tell
  readonly note: Tell
  /** Files of someone else's making: an unknown key is a warning, of equal keys the last counts, a key without a value is absent. */
  readonly lenient: boolean
  /** The source text of a node. */
  readonly source: (node: Node) => string
  readonly line: (node: Node) => number
}

export const required = <T>(type: Type<T & {}>, doc: string, example: string): Key<T> => ({
  type,
  doc,
  example,
  required: true,
})
export const withDefault = <T>(type: Type<T & {}>, value: string, doc: string, example: string): Key<T> => ({
  type,
  doc,
  example,
  default: value,
})
export const optional = <T>(type: Type<T & {}>, absent: string, doc: string, example: string): Key<T | undefined> => ({
  type,
  doc,
  example,
  absent,
})

/** `pools.sync`, `workers[1]`, `query["a b"]`. */
export const childPath = (path: string, key: string | number): string => {
  if (typeof key === 'number') return `${path}[${key}]`
  if (!/^[A-Za-z0-9_-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`
  return path === '' ? key : `${path}.${key}`
}

/** A scalar as the operator wrote it: `1.110` stays `1.110`, which as a number would be 1.11. */
const scalarText = (scalar: Scalar): string =>
  typeof scalar.value === 'string'
    ? // A block scalar ends in a newline that nobody means.
      scalar.type === 'BLOCK_LITERAL' || scalar.type === 'BLOCK_FOLDED'
      ? scalar.value.replace(/\n+$/, '')
      : scalar.value
    : (scalar.source ?? String(scalar.value))

/** No node, or one without a value: `key:` and `key: null`. */
export const isNothing = (node: Node | undefined): boolean =>
  node === undefined || (isScalar(node) && node.value === null)

const MAX_QUOTED = 60
/** Text of a file for a message: short, and on one line. */
export const quote = (text: string): string =>
  JSON.stringify(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text)

/** What a node is, for "expected …, got …". */
const got = (node: Node | undefined): string => {
  if (node === undefined || isNothing(node)) return 'nothing'
  if (isScalar(node)) return quote(scalarText(node))
  return isSeq(node) ? 'a list' : 'a map'
}

/** `expected …, got …`. */
export const mismatch = (expected: string, node: Node | undefined, reading: Reading): string => {
  const message = `expected ${expected}, got ${got(node)}`
  if (node === undefined || isScalar(node)) return message
  const source = reading.source(node)
  return /^\[[0-9a-fA-F:.]*:[0-9a-fA-F:.]*\]/.test(source)
    ? `${message}: quote an IPv6 address, '${source.slice(0, MAX_QUOTED).trim()}'`
    : message
}

/** A scalar with a language of its own, read from its text. */
export const scalar = <T>(expected: string, parse: (text: string) => Parsed<T>): Type<T> => ({
  expected,
  read: (node, path, reading) => {
    if (!isScalar(node) || isNothing(node)) {
      reading.problem(path, mismatch(expected, node, reading), node && { node })
      return undefined
    }
    const text = scalarText(node)
    const parsed = parse(text)
    if ('value' in parsed) return parsed.value
    reading.problem(path, 'mistake' in parsed ? parsed.mistake : `expected ${parsed.expected}, got ${quote(text)}`, {
      node,
    })
    return undefined
  },
})

export const string = (expected: string): Type<string> =>
  scalar(expected, (value) => (value === '' ? { expected } : { value }))

export const boolean: Type<boolean> = scalar<boolean>('true or false', (text) =>
  text === 'true' || text === 'false'
    ? { value: text === 'true' }
    : /^(yes|no|on|off|y|n)$/i.test(text)
      ? { mistake: `expected true or false, got "${text}", which is a word in YAML 1.2` }
      : { expected: 'true or false' },
)

export const integer = (expected: string, least: number): Type<number> =>
  scalar(expected, (text) =>
    /^\d{1,15}$/.test(text) && Number(text) >= least ? { value: Number(text) } : { expected },
  )

export const oneOf = <const T extends string>(...words: readonly T[]): Type<T> => {
  const expected = words.length === 1 ? words[0]! : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
  return scalar(expected, (text) => {
    const word = words.find((candidate) => candidate === text)
    if (word !== undefined) return { value: word }
    const meant = didYouMean(text, words)
    return meant === undefined
      ? { expected }
      : { mistake: `expected ${expected}, got ${quote(text)}: did you mean ${meant}?` }
  })
}

/** Items that could not be read are undefined, so that the rest keep their places. */
export const list = <T>(item: Type<T>, expected: string, least = 0): Type<readonly (T | undefined)[]> => ({
  expected,
  read: (node, path, reading) => {
    if (!isSeq(node)) {
      const hint = isScalar(node) && !isNothing(node) ? `: write [${scalarText(node).slice(0, MAX_QUOTED)}]` : ''
      reading.problem(path, mismatch(expected, node, reading) + hint, node && { node })
      return undefined
    }
    if (node.items.length < least) reading.problem(path, `expected ${expected}, got an empty list`, { node })
    return node.items.map((raw, i) => {
      const child = reading.resolve(raw)
      const at = childPath(path, i)
      if (child) reading.visit(at, child)
      return item.read(child, at, reading)
    })
  },
})

/** The first type when the node is a scalar, else the second. */
export const scalarOr = <A, B>(short: Type<A>, long: Type<B>, expected: string): Type<A | B> => ({
  expected,
  read: (node, path, reading) => {
    if (isMap(node)) return long.read(node, path, reading)
    if (isScalar(node) && !isNothing(node)) return short.read(node, path, reading)
    reading.problem(path, mismatch(expected, node, reading), node && { node })
    return undefined
  },
})

/** A key of a map with its value, where they are written. */
export interface Entry {
  readonly name: string
  readonly key: Node
  readonly value: Node | undefined
}

/**
 * The pairs of a map in order, those that it merges (`<<: *defaults`) after its own; duplicates are reported. A map that
 * is merged twice adds nothing the second time, so that each in `seen` is read once, however they are nested.
 */
export const entriesOf = (
  map: YAMLMap,
  path: string,
  reading: Reading,
  seen = new Set<YAMLMap>(),
): readonly Entry[] => {
  seen.add(map)
  const entries = new Map<string, Entry>()
  const merged: YAMLMap[] = []
  for (const pair of map.items as Pair<unknown, unknown>[]) {
    const key = reading.resolve(pair.key)
    const value = reading.resolve(pair.value)
    if (!isScalar(key)) {
      reading.problem(path, `a key is a word, not ${key ? got(key) : 'nothing'}`, { node: key ?? map })
      continue
    }
    const name = scalarText(key)
    if (name === '<<') {
      for (const source of isSeq(value) ? value.items.map(reading.resolve) : [value]) {
        if (isMap(source)) merged.push(source)
        else
          reading.problem(childPath(path, '<<'), `expected a map to merge, got ${got(source)}`, { node: source ?? key })
      }
      continue
    }
    const earlier = entries.get(name)
    if (earlier && !reading.lenient)
      reading.problem(childPath(path, name), `given twice, first on line ${reading.line(earlier.key)}`, { node: key })
    else entries.set(name, { name, key, value })
    if (earlier && reading.lenient)
      reading.warn(
        childPath(path, name),
        `given twice: this one counts, not that on line ${reading.line(earlier.key)}`,
        {
          node: key,
        },
      )
  }
  for (const source of merged) {
    if (seen.has(source)) continue
    for (const entry of entriesOf(source, path, reading, seen))
      if (!entries.has(entry.name)) entries.set(entry.name, entry)
  }
  return [...entries.values()]
}

/** A map with keys of the operator's choice. Values that could not be read are undefined, their keys stay. */
export const record = <T>(
  name: (text: string) => Parsed<string>,
  item: Type<T>,
  expected: string,
): Type<ReadonlyMap<string, T | undefined>> => ({
  expected,
  read: (node, path, reading) => {
    if (!isMap(node)) {
      reading.problem(path, mismatch(expected, node, reading), node && { node })
      return undefined
    }
    const values = new Map<string, T | undefined>()
    for (const entry of entriesOf(node, path, reading)) {
      const at = childPath(path, entry.name)
      reading.visit(at, entry.key)
      const parsed = name(entry.name)
      if (!('value' in parsed))
        reading.problem(
          at,
          'mistake' in parsed ? parsed.mistake : `expected ${parsed.expected}, got ${quote(entry.name)}`,
          { node: entry.key },
        )
      values.set(entry.name, item.read(entry.value, at, reading))
    }
    return values
  },
})

export interface ObjectType<K extends Keys> extends Type<ObjectOf<K>> {
  readonly keys: K
  /** As `read`, but returns what could be read of a map that is not whole, so that the rest can still be judged. */
  readonly readPart: (node: Node | undefined, path: string, reading: Reading) => Partial<ObjectOf<K>>
}

/** A map with the keys given and no others; `extensions` lets keys that start with `x-` pass, as homes of anchors. */
export const object = <K extends Keys>(
  keys: K,
  expected: string,
  { extensions = false }: { readonly extensions?: boolean } = {},
): ObjectType<K> => {
  const readPart = (node: Node | undefined, path: string, reading: Reading): Partial<ObjectOf<K>> => {
    if (!isMap(node)) {
      reading.problem(path, mismatch(expected, node, reading), node && { node })
      return {}
    }
    const entries = entriesOf(node, path, reading).filter(({ name }) => !(extensions && name.startsWith('x-')))
    const values: Record<string, unknown> = {}
    for (const entry of entries) {
      const read = readEntry(keys, entry, path, reading)
      if (read !== undefined) values[entry.name] = read
    }
    const given = new Set(entries.map(({ name }) => name))
    for (const [name, known] of Object.entries(keys)) {
      if (Object.hasOwn(values, name)) continue
      if (known.default !== undefined) values[name] = defaultOf(known)
      else if (known.required && !given.has(name))
        reading.problem(childPath(path, name), `missing: ${known.type.expected}`, { node })
    }
    return values as Partial<ObjectOf<K>>
  }
  const isWhole = (values: Partial<ObjectOf<K>>): values is ObjectOf<K> =>
    Object.entries(keys).every(([name, key]) => !key.required || Object.hasOwn(values, name))
  return {
    expected,
    keys,
    readPart,
    read: (...args) => {
      const values = readPart(...args)
      return isWhole(values) ? values : undefined
    },
  }
}

/** The value of one key of a map at `path`; undefined after a problem was told, and where there is none. */
export const readEntry = (keys: Keys, { name, key, value }: Entry, path: string, reading: Reading): unknown => {
  const at = childPath(path, name)
  const known = Object.hasOwn(keys, name) ? keys[name] : undefined
  if (!known) {
    const meant = didYouMean(name, Object.keys(keys))
    if (reading.lenient)
      reading.warn(at, `unknown key, passed over${meant === undefined ? '' : `: did you mean ${meant}?`}`, {
        node: key,
      })
    else {
      const hint = meant === undefined ? `the keys here are ${Object.keys(keys).join(', ')}` : `did you mean ${meant}?`
      reading.problem(at, `unknown key: ${hint}`, { node: key })
    }
    return undefined
  }
  reading.visit(at, value && !isNothing(value) ? value : key)
  if (reading.lenient && !known.takesNull && isNothing(value)) {
    if (known.required) reading.problem(at, mismatch(known.type.expected, value, reading), { node: key })
    return undefined
  }
  return known.type.read(value, at, reading)
}

/** Read once: a file may have thousands of workers. */
const defaults = new WeakMap<Key<unknown>, unknown>()
/** The value of an absent key. */
export const defaultOf = (key: Key<unknown>): unknown => {
  if (!defaults.has(key)) defaults.set(key, readText(key.type, key.default!))
  return defaults.get(key)
}

/** The value of a map of which only `given` was written: the schema's own defaults for the rest. */
export const fill = <K extends Keys>(type: ObjectType<K>, given: Partial<ObjectOf<K>>): ObjectOf<K> => {
  const values: Record<string, unknown> = { ...given }
  for (const [name, key] of Object.entries(type.keys))
    if (values[name] === undefined && key.default !== undefined) values[name] = defaultOf(key)
  return values as ObjectOf<K>
}

/** A type whose values are `f` of another's. */
export const mapped = <A, B>(type: Type<A>, f: (value: A) => B): Type<B> => ({
  expected: type.expected,
  read: (...args) => {
    const value = type.read(...args)
    return value === undefined ? undefined : f(value)
  },
})

/** Reads a value from YAML text that is part of this program: a default or an example. Throws if the text is wrong. */
export const readText = <T>(type: Type<T>, text: string): T => {
  const fail = (path: string, message: string): never => {
    throw new Error(`${text}: ${path}: ${message}`)
  }
  const value = type.read((parseDocument(text).contents as Node | null) ?? undefined, '', {
    resolve: (node) => (isAlias(node) ? undefined : ((node ?? undefined) as Node | undefined)),
    visit: () => {},
    problem: fail,
    warn: fail,
    note: () => {},
    has: () => false,
    lenient: false,
    source: (node) => text.slice(node.range?.[0], node.range?.[1]),
    line: () => 1,
  })
  return value === undefined ? fail('', 'cannot be read') : value
}
