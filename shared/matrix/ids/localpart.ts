/**
 * A localpart for a name of any characters (appendices, "Mapping from other character sets"): upper case becomes lower case,
 * bytes of UTF-8 that no localpart may have, and `=`, become `=c3`. Names that differ in ASCII case have the same.
 */
export const localpartFor = (name: string): string =>
  escapeBytes(name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()))

/** {@link localpartFor}, but names that differ have different localparts: `A` becomes `_a`, and `_` becomes `__`. */
export const caseKeepingLocalpartFor = (name: string): string =>
  escapeBytes(name.replace(/[A-Z_]/g, (char) => `_${char.toLowerCase()}`))

const escapeBytes = (name: string): string =>
  name.replace(/[^a-z0-9._\-/+]+/g, (other) => Buffer.from(other).toString('hex').replace(/../g, '=$&'))
