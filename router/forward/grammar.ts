/** Which bytes HTTP/1.1 allows where (RFC 9110 §5.5, §5.6.2; RFC 9112 §3.2), as tables indexed by the byte. */

const table = (allowed: (byte: number) => boolean): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, byte) => (allowed(byte) ? 1 : 0))
const among = (characters: string) => (byte: number) => byte > 0x20 && characters.includes(String.fromCharCode(byte))
const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39
const isUpper = (byte: number) => byte >= 0x41 && byte <= 0x5a
const isLower = (byte: number) => byte >= 0x61 && byte <= 0x7a
const isAlphanumeric = (byte: number) => isDigit(byte) || isUpper(byte) || isLower(byte)

const TOKEN_MARKS = "!#$%&'*+-.^_`|~"
/** A method: token, but not lower case, which is another method in theory and an attack in practice. */
export const METHOD = table((byte) => isUpper(byte) || isDigit(byte) || among(TOKEN_MARKS)(byte))
/** A request target: printable ASCII. `#` never belongs in one; what RFC 3986 wants encoded besides, Matrix clients send plain. */
export const TARGET = table((byte) => byte > 0x20 && byte < 0x7f && byte !== 0x23)
/** A field name: token. */
export const NAME = table((byte) => isAlphanumeric(byte) || among(TOKEN_MARKS)(byte))
/** A field value: visible characters, spaces, tabs and obs-text. */
export const VALUE = table((byte) => byte === 0x09 || (byte >= 0x20 && byte !== 0x7f))
/** The characters of a host name or IPv4 address. */
export const HOST = table((byte) => isAlphanumeric(byte) || among('.-_~%')(byte))

/** The value of a hexadecimal digit, or 255. */
export const HEX = Uint8Array.from({ length: 256 }, (_, byte) =>
  isDigit(byte)
    ? byte - 0x30
    : byte >= 0x41 && byte <= 0x46
      ? byte - 0x37
      : byte >= 0x61 && byte <= 0x66
        ? byte - 0x57
        : 255,
)

export const CR = 0x0d
export const LF = 0x0a
export const SP = 0x20
export const HTAB = 0x09
export const COLON = 0x3a
export const SLASH = 0x2f

/** Whether `bytes[start, end)` is `lower` but for the case of its letters; `lower` has no other character that case folding could confuse. */
export const equalsIgnoringCase = (bytes: Uint8Array, start: number, end: number, lower: string): boolean => {
  if (end - start !== lower.length) return false
  for (let i = 0; i < lower.length; i++) {
    const byte = bytes[start + i]!
    if ((isUpper(byte) ? byte | 0x20 : byte) !== lower.charCodeAt(i)) return false
  }
  return true
}

/** A Content-Length: 1 to 15 digits and nothing else (RFC 9112 §6.2), so that it is exact as a number. -1: not one. */
export const contentLength = (bytes: Uint8Array, start: number, end: number): number => {
  if (end === start || end - start > 15) return -1
  let length = 0
  for (let i = start; i < end; i++) {
    const digit = bytes[i]! - 0x30
    if (digit < 0 || digit > 9) return -1
    length = length * 10 + digit
  }
  return length
}

/** Bytes as a latin1 string, one character a byte. (`latin1Slice` is what `toString('latin1')` calls, without its checks.) */
export const latin1 = (bytes: Buffer, start: number, end: number): string =>
  (bytes as Buffer & { latin1Slice(start: number, end: number): string }).latin1Slice(start, end)
