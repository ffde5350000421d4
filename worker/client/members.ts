/** Members of bodies that no schema checks, as the table's entry serves requests of several shapes. */

import type { JsonObject } from '../../shared/matrix/json/value.ts'
import { MatrixError } from '../../shared/matrix/matrix-error.ts'

/** Undefined where it is absent or null. Throws M_INVALID_PARAM for another value than a string. */
export function optionalString(body: JsonObject, name: string): string | undefined {
  const value = body[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw new MatrixError('M_INVALID_PARAM', `${name} must be a string`)
  if (value.includes('\0')) throw new MatrixError('M_INVALID_PARAM', `${name} has a NUL character`)
  // In the database it would be another text, which is not found again.
  if (!value.isWellFormed()) throw new MatrixError('M_INVALID_PARAM', `${name} has a lone surrogate`)
  return value
}

/** Throws M_MISSING_PARAM in Synapse's words for those of `names` that are not there. */
export function mustHave(body: JsonObject, ...names: readonly string[]): void {
  const absent = names.filter((name) => body[name] === undefined)
  if (absent.length > 0)
    throw new MatrixError('M_MISSING_PARAM', `Missing params: [${absent.map((name) => `'${name}'`).join(', ')}]`)
}
