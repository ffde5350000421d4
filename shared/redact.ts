/**
 * Secrets out of what is printed: logs, error messages and `explain` all go through here, so that there is one list of
 * what must not be seen. The shape of a line stays: only the value is replaced.
 */

export const REDACTED = '<redacted>'

/** Headers of which nothing but the scheme may be seen, lower case. */
const SECRET_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-access-token',
])

/** Decoded, lower case. `token`: e-mail validation and registration tokens. `code`: the answer of an OpenID provider. */
const SECRET_ARGUMENTS: ReadonlySet<string> = new Set([
  'access_token',
  'client_secret',
  'refresh_token',
  'logintoken',
  'token',
  'code',
])
const LONGEST = Math.max(...[...SECRET_ARGUMENTS].map((name) => name.length))
/** By length and first character (its low five bits: in either case), to tell `since` and `timeout` apart in no time. */
const likely = new Uint8Array(32 * (LONGEST + 1))
for (const name of SECRET_ARGUMENTS) likely[name.length * 32 + (name.charCodeAt(0) & 31)] = 1

const AMPERSAND = 0x26
const SEMICOLON = 0x3b
const QUESTION = 0x3f
const EQUALS = 0x3d
const PERCENT = 0x25

/**
 * `target` with the values of secret query arguments replaced, in whatever way their names are percent-encoded.
 * Twisted takes `;` for a separator as well as `&`; a second `?` is a client's that put two URLs together. Linear in the length of `target`, whatever is in it.
 */
export function redactTarget(target: string): string {
  const query = target.indexOf('?')
  if (query < 0) return target

  let redacted = ''
  let copied = 0
  let start = query + 1
  let equals = -1
  let encoded = false
  for (let i = start; i <= target.length; i++) {
    const code = i < target.length ? target.charCodeAt(i) : AMPERSAND
    if (code === EQUALS) {
      if (equals < 0) equals = i
    } else if (code === AMPERSAND || code === SEMICOLON) {
      if (equals > start && equals + 1 < i && isSecret(target, start, equals, encoded)) {
        redacted += target.slice(copied, equals + 1) + REDACTED
        copied = i
      }
      start = i + 1
      equals = -1
      encoded = false
    } else if (code === PERCENT && equals < 0) {
      encoded = true
    } else if (code === QUESTION && !(equals > start && isSecret(target, start, equals, encoded))) {
      start = i + 1
      equals = -1
      encoded = false
    }
  }
  return copied === 0 ? target : redacted + target.slice(copied)
}

function isSecret(target: string, start: number, end: number, encoded: boolean): boolean {
  const length = end - start
  if (encoded) return length <= 3 * LONGEST && SECRET_ARGUMENTS.has(decodedName(target.slice(start, end)))
  if (length > LONGEST || likely[length * 32 + (target.charCodeAt(start) & 31)] === 0) return false
  return SECRET_ARGUMENTS.has(target.slice(start, end).toLowerCase())
}

/** A name as the worker will read it: percent-decoded whatever the case of the digits. Never throws. */
const decodedName = (name: string): string =>
  name.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))).toLowerCase()

/** A header's value as it may be printed: `Bearer <redacted>`; of X-Matrix the origin stays, the signature does not. */
export const redactHeader = (name: string, value: string): string => {
  if (!SECRET_HEADERS.has(name.toLowerCase())) return redactText(value)
  const scheme = /^\s*([A-Za-z][A-Za-z0-9-]*)\s+(?=\S)/.exec(value)
  if (!scheme || !/authorization$/i.test(name)) return REDACTED
  if (/^x-matrix$/i.test(scheme[1]!)) return value.replace(/(\bsig\s*=\s*)("[^"]*"?|[^,\s]*)/gi, `$1${REDACTED}`)
  return `${scheme[1]} ${REDACTED}`
}

/** Any text that may quote a URL or a header: an error's message, a log line. Whole words only, so prose stays readable. */
export const redactText = (text: string): string =>
  text
    .replace(/([?&;\s"'(]|^)([A-Za-z0-9_%]+)=([^&;\s"'<>#)]+)/g, (argument, before: string, name: string) =>
      SECRET_ARGUMENTS.has(decodedName(name)) ? `${before}${name}=${REDACTED}` : argument,
    )
    .replace(/\b(Bearer|Basic)(\s+)[A-Za-z0-9._~+/=-]{4,}/gi, `$1$2${REDACTED}`)
    .replace(/\b(?:syt|syr|mct|mat|mcr|mar)_[A-Za-z0-9_.~+/=-]{6,}/g, REDACTED)
