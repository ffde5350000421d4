/** Rows of a stream as they stand on the wire: JSON arrays, whose places have names here. */

import { accepted, type Result, refused } from '../../shared/matrix/result.ts'

export interface RowLayout<Row> {
  /** What RDATA and `get_repl_stream_updates` carry. */
  encode(row: Row): readonly unknown[]
  /** Never throws. Places after those that are known are left alone: a newer writer may have added them. */
  decode(json: unknown): Result<Row>
}

/** What may stand in one place of a row. */
export interface Place<T> {
  readonly expected: string
  readonly is: (value: unknown) => value is T
}

const place = <T>(expected: string, is: (value: unknown) => value is T): Place<T> => ({ expected, is })

const isText = (value: unknown): value is string => typeof value === 'string'
const isTexts = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every(isText)

export const text = place('a string', isText)
export const texts = place('an array of strings', isTexts)
export const flag = place('true or false', (value): value is boolean => typeof value === 'boolean')
/** Milliseconds and the like. */
export const integer = place('an integer', (value): value is number => Number.isSafeInteger(value))
export const list = place('an array', (value): value is readonly unknown[] => Array.isArray(value))
export const object = place(
  'an object',
  (value): value is Readonly<Record<string, unknown>> =>
    typeof value === 'object' && value !== null && !Array.isArray(value),
)
export const orNull = <T>({ expected, is }: Place<T>): Place<T | null> =>
  place(`${expected} or null`, (value): value is T | null => value === null || is(value))

type RowOfPlaces<Places> = { readonly [Name in keyof Places]: Places[Name] extends Place<infer T> ? T : never }

/** A layout from its places, in their order. */
export function layout<Places extends Readonly<Record<string, Place<unknown>>>>(
  places: Places,
): RowLayout<RowOfPlaces<Places>> {
  const names = Object.keys(places)
  return {
    encode: (row) => names.map((name) => (row as Readonly<Record<string, unknown>>)[name]),
    decode(json) {
      if (!Array.isArray(json)) return refused('a row is not an array')
      const row: Record<string, unknown> = {}
      for (const [index, name] of names.entries()) {
        const value: unknown = json[index]
        const { is, expected } = places[name]!
        if (!is(value)) return refused(`a row's ${name} is not ${expected}`)
        row[name] = value
      }
      return accepted(row as RowOfPlaces<Places>)
    },
  }
}

/** Rows of several kinds: `[kind, row]`. Typed, they have a `kind` among their fields. */
export function layoutByKind<Kinds extends Readonly<Record<string, RowLayout<object>>>>(
  kinds: Kinds,
): RowLayout<RowOfKinds<Kinds>> {
  return {
    encode: (row) => [row.kind, kinds[row.kind as string]!.encode(row)],
    decode(json) {
      if (!Array.isArray(json)) return refused('a row is not an array')
      const [kind, inner]: unknown[] = json
      if (typeof kind !== 'string' || !Object.hasOwn(kinds, kind)) return refused('a row is of an unknown kind')
      const row = kinds[kind]!.decode(inner)
      return row.ok ? accepted({ kind, ...row.value } as RowOfKinds<Kinds>) : row
    },
  }
}

type RowOfKinds<Kinds> = {
  [Kind in keyof Kinds]: Kinds[Kind] extends RowLayout<infer Row> ? { readonly kind: Kind } & Row : never
}[keyof Kinds]
