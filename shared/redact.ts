/** Secrets in request targets, kept out of logs. */

const REDACTED = '<redacted>'

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
const EQUALS = 0x3d
const PERCENT = 0x25

/**
 * `target` with the values of secret query arguments replaced, in whatever way their names are percent-encoded.
 * Twisted takes `;` for a separator as well as `&`. Linear in the length of `target`, whatever is in it.
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
    }
  }
  return copied === 0 ? target : redacted + target.slice(copied)
}

function isSecret(target: string, start: number, end: number, encoded: boolean): boolean {
  const length = end - start
  if (encoded) return length <= 3 * LONGEST && SECRET_ARGUMENTS.has(decode(target.slice(start, end)).toLowerCase())
  if (length > LONGEST || likely[length * 32 + (target.charCodeAt(start) & 31)] === 0) return false
  return SECRET_ARGUMENTS.has(target.slice(start, end).toLowerCase())
}

const decode = (name: string): string =>
  name.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
