/** What goes to Postgres as a parameter, and what comes back as which type. */

import { types } from 'pg'

/** `undefined` is null. Buffers are `bytea`. Arrays are `text[]`, `bigint[]` … and may hold nulls. */
export type Param = Scalar | readonly Scalar[]
type Scalar = string | number | bigint | boolean | Buffer | null | undefined

// https://github.com/postgres/postgres/blob/master/src/include/catalog/pg_type.dat
const INT8 = 20
const INT8_ARRAY = 1016
const TEXT_ARRAY = 1009
/** Left as text: JSON is spliced or parsed by whoever knows what it holds; dates are not used. */
const asText: ReadonlySet<number> = new Set([114, 3802, 1082, 1114, 1184])

/** Positions and times are numbers here. One beyond 2^53 would be another number, so it is an error. */
function readInt8(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value)) return value
  throw new RangeError(`a bigint beyond 2^53: ${text}`)
}

const readTextArray: (text: string) => (string | null)[] = types.getTypeParser(
  TEXT_ARRAY as number as typeof types.builtins.TEXT,
)
const readInt8Array = (text: string) => readTextArray(text).map((item) => (item === null ? null : readInt8(item)))
const identity = (text: string) => text

/** For `pg`'s `types`: bigint → number, bytea → Buffer, JSON and dates → text, the rest as `pg` does. */
export const typeParsers = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (oid === INT8) return readInt8
    if (oid === INT8_ARRAY) return readInt8Array
    return asText.has(oid) ? identity : types.getTypeParser(oid, format as 'text')
  },
} as unknown as { readonly getTypeParser: typeof types.getTypeParser }
