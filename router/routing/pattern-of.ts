import type { Endpoint } from '../../shared/endpoints/types.ts'

/**
 * The regular expression of an endpoint's paths as a `routes.yaml` has it, e.g. of `getRoomKeysVersion`
 * `^/_matrix/client/(r0|v3|unstable)/room_keys/version/[^/]+$`. A parameter is one segment of the raw path, whatever it is
 * percent-encoded to. Synapse's documentation has `.*`, which crosses slashes too: a room called `typing` or a state key
 * ending in `/tags` then reaches the wrong worker.
 */
export const patternOf = (endpoint: Endpoint): string =>
  `^${prefixes(endpoint.under)}${path(endpoint)}${endpoint.optionalSlash ? '/?' : ''}$`

const path = ({ path, nonEmpty }: Endpoint): string =>
  path
    .split('/')
    .map((segment) => {
      const name = parameterName(segment)
      if (name === undefined) return literal(segment)
      return nonEmpty?.includes(name) ? '[^/]+' : '[^/]*'
    })
    .join('/')

/** `roomId` of `{roomId}`; undefined for a literal segment. */
export const parameterName = (segment: string): string | undefined => /^\{(\w+)\}$/.exec(segment)?.[1]

/** What the prefixes have in common up to a slash, and an alternation of the rest. */
const prefixes = (under: readonly string[]): string => {
  const [first = '', ...others] = under
  if (others.length === 0) return literal(first)
  let shared = first.lastIndexOf('/') + 1
  while (!others.every((other) => other.startsWith(first.slice(0, shared))))
    shared = first.lastIndexOf('/', shared - 2) + 1
  const rests = under.map((prefix) => literal(prefix.slice(shared)))
  return `${literal(first.slice(0, shared))}(${rests.join('|')})`
}

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
