/** Addresses of sockets, and which of them meet. */

import { isIP, isIPv4, isIPv6 } from 'node:net'

/** Where a worker or a listener is. A host name is resolved again for each connection, an address is used as it is. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** The address in one form: two workers are the same if theirs are equal. */
export const addressKey = (address: Address): string =>
  address.kind === 'unix'
    ? `unix:${address.path}`
    : `${isIPv6(address.host) ? `[${address.host}]` : address.host}:${address.port}`

/** All addresses of this machine. */
export const isWildcard = (host: string) => host === '0.0.0.0' || host === '::'
/** Only this machine reaches it. */
export const isLoopback = (host: string) => host === 'localhost' || host === '::1' || /^127\./.test(host)

/** Can two sockets of this machine not listen on `a` and `b` at the same time? (`::` takes IPv4 as well.) */
export const addressesCollide = (a: Address, b: Address): boolean => {
  if (a.kind === 'unix' || b.kind === 'unix') return addressKey(a) === addressKey(b)
  if (a.port !== b.port || a.port === 0) return false
  const covers = (wide: string, host: string) =>
    wide === '::'
      ? isIP(host) !== 0 || host === 'localhost'
      : wide === '0.0.0.0' && (isIPv4(host) || host === 'localhost')
  const sameName = (x: string, y: string) => x === 'localhost' && (y === '127.0.0.1' || y === '::1')
  return (
    a.host === b.host ||
    covers(a.host, b.host) ||
    covers(b.host, a.host) ||
    sameName(a.host, b.host) ||
    sameName(b.host, a.host)
  )
}

/** Only reachable from this machine or a private network, as far as an address can tell; a host name is taken to be. */
export const isPrivateHost = (host: string): boolean => {
  if (isWildcard(host)) return false
  if (isIPv4(host))
    return (
      isLoopback(host) ||
      /^(10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/.test(host)
    )
  if (isIPv6(host)) return isLoopback(host) || /^f[cd]|^fe[89ab]/i.test(host)
  return true
}
