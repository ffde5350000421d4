/** Single values as Synapse reads them. A `Type` sees the value that PyYAML gives a scalar, not its text. */

import { isMap, isScalar, isSeq, type Node, type Scalar } from 'yaml'
import {
  childPath,
  entriesOf,
  isNothing,
  mismatch,
  type Parsed,
  quote,
  type Reading,
  type Type,
} from '../config/decode.ts'

const isQuoted = ({ type }: Scalar): boolean => type !== undefined && type !== 'PLAIN'

const byValue = <T>(expected: string, parse: (value: unknown, quoted: boolean) => Parsed<T> | undefined): Type<T> => ({
  expected,
  read: (node, path, reading) => {
    const parsed = isScalar(node) && !isNothing(node) ? parse(node.value, isQuoted(node)) : undefined
    if (parsed && 'value' in parsed) return parsed.value
    reading.problem(
      path,
      parsed && 'mistake' in parsed
        ? parsed.mistake
        : mismatch(parsed && 'expected' in parsed ? parsed.expected : expected, node, reading),
      node && { node },
    )
    return undefined
  },
})

/** `yes`, `on`, `True` …, not in quotes: any text is true to Python. */
export const flag: Type<boolean> = byValue<boolean>('true or false', (value, quoted) =>
  typeof value === 'boolean'
    ? { value }
    : typeof value === 'string' && quoted && /^(?:true|false|yes|no|on|off)$/i.test(value)
      ? { mistake: `expected true or false, got the text "${value}", which Synapse takes for true: remove the quotes` }
      : undefined,
)

/** A number, a fraction too. */
export const number: Type<number> = byValue('a number', (value) =>
  typeof value === 'number' && Number.isFinite(value)
    ? { value }
    : typeof value === 'string' && /^[-+]?\d+(?:\.\d*)?[eE][-+]?\d+$/.test(value)
      ? { mistake: `expected a number, got ${quote(value)}, which YAML 1.1 takes for text: write it as 1.0e+6` }
      : undefined,
)

/** A whole number from `least` to `most`. */
export const whole = (expected: string, least = 0, most = Number.MAX_SAFE_INTEGER): Type<number> =>
  byValue(expected, (value) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most ? { value } : undefined,
  )

/** Text, which may be empty. */
export const text = (expected: string): Type<string> =>
  byValue(expected, (value, quoted) =>
    typeof value === 'string'
      ? { value }
      : quoted
        ? undefined
        : {
            mistake: `expected ${expected}, got ${quote(String(value))}, which YAML does not take for text: put it in quotes`,
          },
  )

/** As {@link text}, and not empty. */
export const filledText = (expected: string): Type<string> => {
  const type = text(expected)
  return {
    expected,
    read: (node, path, reading) => {
      const value = type.read(node, path, reading)
      if (value !== '') return value
      reading.problem(path, mismatch(expected, node, reading), node && { node })
      return undefined
    },
  }
}

/** Text or a number, as text: what Python would print into a connection string. */
export const printed = (expected: string): Type<string> =>
  byValue(expected, (value) =>
    typeof value === 'string' || typeof value === 'number' ? { value: String(value) } : undefined,
  )

/** One of `words`. */
export const word = <const T extends string>(...words: readonly T[]): Type<T> => {
  const expected = words.length === 1 ? words[0]! : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
  return byValue(expected, (value) => {
    const found = words.find((candidate) => candidate === value)
    return found === undefined ? undefined : { value: found }
  })
}

const DURATION_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
}
const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 }

const measure = (expected: string, form: RegExp, units: Readonly<Record<string, number>>): Type<number> =>
  byValue(expected, (value) => {
    if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? { value } : undefined
    const split = typeof value === 'string' ? form.exec(value) : null
    const result = split && Number(split[1]) * units[split[2]!]!
    return result !== null && Number.isSafeInteger(result) ? { value: result } : undefined
  })

/** Milliseconds of `30s`, `5m`, `1h`, `7d`, `2w`, `1y`; a bare number is milliseconds. */
export const duration: Type<number> = measure('a duration such as 5m or 7d', /^(\d+)([smhdwy]?)$/, DURATION_UNITS)

/** Bytes of `512K`, `50M`, `1G`, `1T`, powers of 1024; a bare number is bytes. */
export const size: Type<number> = measure('a size such as 50M', /^(\d+)([KMGT]?)$/, SIZE_UNITS)

/** What `type` reads, or `off` for a key without a value, which turns something off. The key must say `takesNull`. */
export const orNull = <T>(type: Type<T>): Type<T | 'off'> => ({
  expected: `${type.expected}, or null`,
  read: (node, path, reading) => (isNothing(node) ? 'off' : type.read(node, path, reading)),
})

/** A list, each item with its position in the file; items that could not be read are left out, after their problems were told. */
export const numbered = <T>(
  item: Type<T>,
  expected: string,
): Type<readonly { readonly value: T; readonly position: number }[]> => ({
  expected,
  read: (node, path, reading) => {
    if (!isSeq(node)) {
      reading.problem(path, mismatch(expected, node, reading), node && { node })
      return undefined
    }
    return node.items.flatMap((raw, position) => {
      const child = reading.resolve(raw)
      const at = childPath(path, position)
      if (child) reading.visit(at, child)
      const value = item.read(child, at, reading)
      return value === undefined ? [] : [{ value, position }]
    })
  },
})

/** As {@link numbered}, without the positions. */
export const listOf = <T>(item: Type<T>, expected: string): Type<readonly T[]> => {
  const type = numbered(item, expected)
  return { expected, read: (...args) => type.read(...args)?.map(({ value }) => value) }
}

/** A name or a list of names; some of Synapse's settings take either. */
export const names = (expected: string): Type<readonly string[]> => {
  const one = filledText('a name')
  const many = listOf(one, expected)
  return {
    expected,
    read: (node, path, reading) => {
      if (isSeq(node)) return many.read(node, path, reading)
      const name = one.read(node, path, reading)
      return name === undefined ? undefined : [name]
    },
  }
}

/** Whatever is written, as plain values: for what is handed on, or only counted. */
export const anything = (expected: string): Type<NonNullable<unknown>> => ({
  expected,
  read: (node, path, reading) => plain(node, path, reading, 0) ?? undefined,
})

/** A map with keys of the operator's choice, as plain values. */
export const plainMap = (expected: string): Type<Readonly<Record<string, unknown>>> => ({
  expected,
  read: (node, path, reading) => {
    if (isMap(node)) return plain(node, path, reading, 0) as Readonly<Record<string, unknown>>
    reading.problem(path, mismatch(expected, node, reading), node && { node })
    return undefined
  },
})

/** An alias may stand for what it is in. */
const MAX_DEPTH = 32

const plain = (node: Node | undefined, path: string, reading: Reading, depth: number): unknown => {
  if (node === undefined || depth > MAX_DEPTH) return undefined
  if (isScalar(node)) return node.value
  const inner = (child: unknown) => plain(reading.resolve(child), path, reading, depth + 1)
  if (isSeq(node)) return node.items.map(inner)
  if (isMap(node))
    return Object.fromEntries(entriesOf(node, path, reading).map(({ name, value }) => [name, inner(value)]))
  return undefined
}
