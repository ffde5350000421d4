import { MatrixError } from '../../shared/matrix/matrix-error.ts'

/** Longer than any that mail servers take. */
const MAX_LENGTH = 500

/** What an address has only in quotes, or in a list of several: mail could go to others, or have headers of others' making. */
const UNUSUAL = /[\s\u0000-\u001f\u007f<>(),;:"\\[\]]/

/** As it is kept and compared: in small letters (MSC2265). Undefined: it is no address. */
export function canonicalEmail(address: string): string | undefined {
  const trimmed = address.trim()
  if (trimmed.length > MAX_LENGTH || UNUSUAL.test(trimmed) || !trimmed.isWellFormed()) return undefined
  const parts = trimmed.split('@')
  if (parts.length !== 2) return undefined
  // Python's casefold, as far as it differs: what small letters have no pair for.
  const local = parts[0]!.toLowerCase().replaceAll('ß', 'ss').replaceAll('ς', 'σ')
  const canonical = `${local}@${parts[1]!.toLowerCase()}`
  return canonical.length >= 3 ? canonical : undefined
}

/** Throws M_UNKNOWN, or `errcode`. */
export function mustBeEmail(address: string, errcode = 'M_UNKNOWN'): string {
  const canonical = canonicalEmail(address)
  if (canonical === undefined) throw new MatrixError(errcode, 'Unable to parse email address', {}, 400)
  return canonical
}
