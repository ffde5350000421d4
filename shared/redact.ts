/**
 * Secrets out of what is printed: logs, error messages and `explain` all go through here, so that there is one list of
 * what must not be seen. The shape of a line stays: only the value is replaced.
 */

export const REDACTED = '<redacted>'

/** Query arguments whose value gives access to an account, lower case. */
const SECRET_ARGUMENTS: ReadonlySet<string> = new Set([
  'access_token',
  'client_secret',
  'refresh_token',
  'logintoken', // what an SSO login hands back in a redirect
  'token', // e-mail validation, registration tokens
])

/** Headers of which nothing but the scheme may be seen, lower case. */
const SECRET_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-access-token',
])

/** A name as the worker will read it: percent-decoded whatever the case of the digits, `+` aside. Never throws. */
const decodedName = (name: string): string =>
  name.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))).toLowerCase()

/** A request target or URL with the values of secret query arguments replaced: `/sync?access_token=<redacted>&since=s1`. */
export const redactTarget = (target: string): string => {
  const mark = target.indexOf('?')
  if (mark === -1) return target
  const fragment = target.indexOf('#', mark)
  const end = fragment === -1 ? target.length : fragment
  const query = target
    .slice(mark + 1, end)
    .replace(/([^&;=]+)=([^&;]*)/g, (argument, name: string, value: string) =>
      value !== '' && SECRET_ARGUMENTS.has(decodedName(name)) ? `${name}=${REDACTED}` : argument,
    )
  return target.slice(0, mark + 1) + query + target.slice(end)
}

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
