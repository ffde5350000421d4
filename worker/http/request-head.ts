/** The headers that every request is asked for, out of Node's list in one pass: `headers` would sort all of them. */

export interface RequestHead {
  /** Every `Authorization`: Node's `headers` drops all but the first. */
  readonly authorization: readonly string[]
  readonly userAgent: string
  /** The first of each. */
  readonly forwardedFor: string | undefined
  readonly forwardedProto: string | undefined
  readonly requestId: string | undefined
  readonly contentLength: number | undefined
  /** A body follows, if only of no bytes in chunks. */
  readonly hasBody: boolean
  /** `Expect: 100-continue`: it follows once it is asked for. */
  readonly expectsContinue: boolean
}

const NONE: readonly string[] = []

/**
 * @param raw names and values in turn
 * @param requestIdHeader in lower case
 */
export function readHead(raw: readonly string[], requestIdHeader: string): RequestHead {
  let authorization = NONE
  let userAgent = ''
  let forwardedFor: string | undefined
  let forwardedProto: string | undefined
  let requestId: string | undefined
  let contentLength: number | undefined
  let isChunked = false
  let expectsContinue = false
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!
    const value = raw[i + 1]!
    // By length, as nearly no other header has the same as one of these.
    switch (name.length) {
      case 6:
        if (is(name, 'expect')) expectsContinue = value.toLowerCase() === '100-continue'
        break
      case 10:
        if (is(name, 'user-agent')) userAgent = value
        break
      case 13:
        if (is(name, 'authorization')) authorization = authorization === NONE ? [value] : [...authorization, value]
        break
      case 14:
        if (is(name, 'content-length')) contentLength = Number(value)
        break
      case 15:
        if (is(name, 'x-forwarded-for')) forwardedFor ??= value
        break
      case 17:
        if (is(name, 'x-forwarded-proto')) forwardedProto ??= value
        else if (is(name, 'transfer-encoding')) isChunked = true
        break
    }
    if (name.length === requestIdHeader.length && is(name, requestIdHeader)) requestId ??= value
  }
  const hasBody = isChunked || (contentLength !== undefined && contentLength > 0)
  return { authorization, userAgent, forwardedFor, forwardedProto, requestId, contentLength, hasBody, expectsContinue }
}

const is = (name: string, lowerCase: string): boolean => name === lowerCase || name.toLowerCase() === lowerCase
