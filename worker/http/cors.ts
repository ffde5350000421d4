/** What lets web clients of any origin in: client-server-api, "Web Browser Clients". Names and values in turn. */

const everyone = [
  'Access-Control-Allow-Origin',
  '*',
  'Access-Control-Allow-Methods',
  'GET, HEAD, POST, PUT, DELETE, OPTIONS',
]

/** Synapse's, and `Retry-After`, without which a web client cannot see it. */
const usual: readonly string[] = [
  ...everyone,
  'Access-Control-Allow-Headers',
  'X-Requested-With, Content-Type, Authorization, Date',
  'Access-Control-Expose-Headers',
  'Synapse-Trace-Id, Server, Retry-After',
]

/** MSC4108 exchanges messages by their ETags. */
const rendezvous: readonly string[] = [
  ...everyone,
  'Access-Control-Allow-Headers',
  'Content-Type, If-Match, If-None-Match',
  'Access-Control-Expose-Headers',
  'Synapse-Trace-Id, Server, ETag, Retry-After',
]

export const corsHeaders = (path: string): readonly string[] =>
  path === '/_matrix/client/unstable/org.matrix.msc4108/rendezvous' || path.startsWith('/_synapse/client/rendezvous')
    ? rendezvous
    : usual
