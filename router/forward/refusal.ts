/**
 * Answers that the router makes itself. They are Matrix errors with the CORS headers of the specification
 * (client-server-api/#web-browser-clients), so that a browser shows the client an error it understands and not a network
 * failure; 429 and 503 say when to come back.
 */

export interface Refusal {
  readonly status: number
  readonly errcode: string
  readonly message: string
  /** For metrics: what kind of thing went wrong. */
  readonly kind: string
  /** Seconds; sent as `Retry-After`. */
  readonly retryAfter?: number
}

const refusal = (status: number, errcode: string, kind: string, message: string, retryAfter?: number): Refusal =>
  retryAfter === undefined ? { status, errcode, kind, message } : { status, errcode, kind, message, retryAfter }

/** The request cannot be read in one way only, or not at all: RFC 9112 §2.2, §3, §5, §6. The connection is closed. */
export const malformed = (message: string): Refusal => refusal(400, 'M_UNKNOWN', 'malformed', message)

export const refusals = {
  requestLine: malformed('The request line is not valid HTTP/1.1.'),
  method: malformed('The method is not valid.'),
  trace: refusal(405, 'M_UNRECOGNIZED', 'method', 'TRACE is not served here.'),
  target: malformed(
    'The request target must be a path that begins with "/" and holds printable ASCII characters only.',
  ),
  version: refusal(505, 'M_UNKNOWN', 'malformed', 'Only HTTP/1.0 and HTTP/1.1 are spoken here.'),
  lineEnd: malformed('A header line does not end with CR LF.'),
  fieldName: malformed('A header name is not valid.'),
  fieldValue: malformed('A header value holds a control character.'),
  folded: malformed('A header is folded over several lines.'),
  host: malformed('Exactly one valid Host header is needed.'),
  contentLength: malformed('Content-Length is not valid.'),
  duplicateLength: malformed('There is more than one Content-Length.'),
  transferEncoding: malformed('The only Transfer-Encoding accepted is "chunked", in HTTP/1.1, once.'),
  lengthAndEncoding: malformed('There is both a Content-Length and a Transfer-Encoding.'),
  connection: malformed('The Connection header names a header that is not hop-by-hop.'),
  chunk: malformed('The chunked body is not valid.'),
  expectation: refusal(417, 'M_UNKNOWN', 'malformed', 'The only expectation met here is "100-continue".'),
  headTooLarge: refusal(
    431,
    'M_TOO_LARGE',
    'too_large',
    'The request line and headers are larger than 16 KiB or more than 496 lines.',
  ),
  targetTooLong: refusal(414, 'M_TOO_LARGE', 'too_large', 'The request target is too long.'),
  bodyTooLarge: refusal(413, 'M_TOO_LARGE', 'too_large', 'The request body is too large.'),
  notExposed: refusal(404, 'M_UNRECOGNIZED', 'not_exposed', 'Unrecognized request.'),
  requestTimeout: refusal(408, 'M_UNKNOWN', 'client_timeout', 'The request did not arrive in time.'),
  noWorker: refusal(
    503,
    'M_UNKNOWN',
    'no_worker',
    'The server is not available at the moment. Try again in a few seconds.',
    2,
  ),
  queueFull: refusal(503, 'M_UNKNOWN', 'queue_full', 'The server is busy. Try again in a few seconds.', 5),
  queueTimeout: refusal(503, 'M_UNKNOWN', 'queue_timeout', 'The server is busy. Try again in a few seconds.', 5),
  upstreamFailed: refusal(502, 'M_UNKNOWN', 'upstream_failed', 'The server broke off before it answered.', 2),
  upstreamInvalid: refusal(
    502,
    'M_UNKNOWN',
    'upstream_invalid',
    'The server gave an answer that is not valid HTTP.',
    2,
  ),
  upstreamTimeout: refusal(504, 'M_UNKNOWN', 'upstream_timeout', 'The server did not answer in time.', 2),
} as const satisfies Record<string, Refusal>

/** `OPTIONS *` asks about the server as a whole, and that is the router. No refusal, but an answer of ours like them. */
export const aboutRouter: Refusal = refusal(204, '', '', '')

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  431: 'Request Header Fields Too Large',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
}

const METHODS = 'GET, HEAD, POST, PUT, DELETE, OPTIONS'
const CORS =
  'Access-Control-Allow-Origin: *\r\n' +
  `Access-Control-Allow-Methods: ${METHODS}\r\n` +
  'Access-Control-Allow-Headers: X-Requested-With, Content-Type, Authorization, Date\r\n' +
  'Access-Control-Expose-Headers: Retry-After\r\n'

/**
 * The whole answer as a latin1 string. `close`: the connection ends after it. To a CORS preflight (`OPTIONS`) the answer is
 * 204, as else the browser would never send the request whose error this is.
 */
export const renderRefusal = (refusal: Refusal, method: string, close: boolean): string => {
  // RFC 9110 §6.6.1: whoever makes an answer dates it.
  const common = `Date: ${new Date().toUTCString()}\r\n${CORS}`
  const connection = close ? 'Connection: close\r\n' : ''
  const allow = refusal.status === 204 || refusal.status === 405 ? `Allow: ${METHODS}\r\n` : ''
  if (refusal.status === 204 || (method === 'OPTIONS' && refusal.status >= 500 && refusal.status !== 505))
    return `HTTP/1.1 204 No Content\r\n${common}${allow}Cache-Control: no-store\r\n${connection}\r\n`
  const body = JSON.stringify({ errcode: refusal.errcode, error: refusal.message })
  const retry = refusal.retryAfter === undefined ? '' : `Retry-After: ${refusal.retryAfter}\r\n`
  return (
    `HTTP/1.1 ${refusal.status} ${REASONS[refusal.status]}\r\n${common}${allow}${retry}Cache-Control: no-store\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n${connection}\r\n${method === 'HEAD' ? '' : body}`
  )
}
